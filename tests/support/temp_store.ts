import { join } from "node:path";
import { createFolderStore } from "../../pipeline/model/artifact_folder.ts";
import type { Models, Registry } from "../../pipeline/model/registry.ts";
import { openRegistry } from "../../pipeline/model/sqlite_registry.ts";
import { openStore, type Store } from "../../pipeline/store/store.ts";
import { defaultHyperParameters, type HyperParameters } from "../../pipeline/train/hyper_parameters.ts";
import type { TrainReport } from "../../pipeline/train/register.ts";
import { train, type TrainOptions } from "../../pipeline/train/train.ts";
import type { FeatureSpec } from "../../pipeline/examples/spec.ts";

/** A store in a temporary folder. */
export interface TempStore {
  readonly store: Store;
  readonly dataDir: string;
  readonly modelsDir: string;
  readonly registry: Registry;
}

/** Returns the models folder and the registry of a temporary store. */
export function modelsOf({ modelsDir, registry }: TempStore): Models {
  return { artifacts: createFolderStore(modelsDir), registry };
}

/**
 * Runs a test with a store, and removes the store afterwards.
 *
 * @param views SQL that replaces the view `examples`: a view of that name, and tables without the restrictions of a schema.
 */
export async function withStore<T>(views: string, use: (made: TempStore) => T | Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const dataDir = join(folder, "data");
    const store = openStore(dataDir, { mode: "create", freeBytesMin: 0 });
    try {
      store.db.exec(`DROP VIEW examples; ${views}`);
      return await use({
        store,
        dataDir,
        modelsDir: join(folder, "models"),
        registry: openRegistry(dataDir),
      });
    } finally {
      store.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Returns SQL of a table with columns of any type, and of a view of it. @param columns Columns other than the key, id. */
export function tableOf(columns: readonly string[], options: { id?: string } = {}): string {
  const { id = "id INTEGER NOT NULL PRIMARY KEY" } = options;
  return `
    CREATE TABLE shown (${[id, ...columns.map((name) => `${name} ANY`)].join(", ")}) STRICT;
    CREATE VIEW examples AS SELECT * FROM shown;
  `;
}

/** Inserts rows into the table of `tableOf`. Missing columns are NULL. */
export function insertRows({ db }: Store, rows: readonly Readonly<Record<string, unknown>>[]): void {
  db.exec("BEGIN");
  for (const row of rows) {
    const names = Object.keys(row);
    const values = Object.values(row).map((value) =>
      typeof value === "string" || typeof value === "number" || typeof value === "bigint" ||
        value instanceof Uint8Array
        ? value
        : null
    );
    db.prepare(`INSERT INTO shown (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`).run(
      ...values,
    );
  }
  db.exec("COMMIT");
}

/** Trains on one thread with the program's defaults and the given changes. */
export async function trainOn(
  made: TempStore,
  spec: FeatureSpec,
  hyperParameters: Partial<HyperParameters> = {},
  options: Partial<TrainOptions> = {},
): Promise<TrainReport> {
  return await train(made.store, modelsOf(made), {
    spec,
    hyperParameters: { ...defaultHyperParameters, ...hyperParameters },
    threads: 1,
    now: 1_700_000_000_000_000,
    ...options,
  });
}
