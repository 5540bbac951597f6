import { type ExampleKeys, exampleKeysOf } from "../pipeline/examples/example_keys.ts";
import { Failure } from "../pipeline/failure.ts";
import { fileState } from "../pipeline/files/file_state.ts";
import type { TextFormat } from "../pipeline/files/text/text_format.ts";
import { openOverlay } from "../pipeline/ingest/overlay.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import {
  predictFile,
  type PredictFileReport,
  type PredictOptions,
  predictView,
} from "../pipeline/predict/predict_file.ts";
import { openStore } from "../pipeline/store/store.ts";
import { withStandardInput } from "./cli/standard_input.ts";
import { resolveFiles } from "./cli/table_files.ts";
import type { Terminal } from "./cli/terminal.ts";

/** What the command predicts: a file of rows, the rows of the store without a label, or files of tables. */
export type PredictInput =
  | { readonly is: "file"; readonly path: string; readonly names: Readonly<Record<string, string>> }
  | { readonly is: "unlabelled" }
  | {
    readonly is: "tables";
    readonly files: Readonly<Record<string, readonly string[]>>;
    /** SQL to use in place of the store. */
    readonly schema?: string | undefined;
    /** SQL to use if there is no store. */
    readonly schemaOfNewStore?: string | undefined;
    readonly columnNames: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };

interface Settings extends Omit<PredictOptions, "observe"> {
  readonly keep: readonly string[];
  readonly allowMissing: boolean;
  readonly textFormat: TextFormat | undefined;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
  readonly dataDir: string;
}

interface Report extends PredictFileReport {
  /** Rows of each table that was given files. */
  readonly tables?: Readonly<Record<string, number>>;
}

export async function predictFrom(input: PredictInput, settings: Settings): Promise<Report> {
  const { metadata, dataDir, signal } = settings;
  switch (input.is) {
    case "file": {
      const { path, names } = input;
      const keys = exampleKeysOf(metadata.spec);
      return await withStandardInput([path], { dataDir, signal }, (pathOf) => {
        const { size } = fileState(pathOf(path));
        return predictFile({
          ...settings,
          path: pathOf(path),
          keepIfPresent: keys ? [keys.id, keys.group] : [],
          names,
          observe: (_, done) => showProgress(settings, done, size, "bytes"),
        });
      });
    }
    case "unlabelled": {
      const { label, ...keys } = requireKeys(metadata);
      const store = openStore(dataDir, { mode: "read" });
      try {
        return await predictView({ ...settings, ...keys, db: store.db, unlabelled: label });
      } finally {
        store.close();
      }
    }
    case "tables":
      return await predictTables(input, settings);
  }
}

async function predictTables(input: PredictInput & { is: "tables" }, settings: Settings): Promise<Report> {
  const { metadata, dataDir, signal, allowMissing, textFormat: format, terminal } = settings;
  const { label, weight, ...keys } = requireKeys(metadata);
  const paths = Object.values(input.files).flat();
  return await withStandardInput(paths, { dataDir, signal }, async (pathOf) => {
    const overlay = await openOverlay({
      ...input,
      files: resolveFiles(input.files, pathOf),
      dataDir,
      view: keys.view,
      optional: [label, ...(weight === undefined ? [] : [weight])],
      allowMissing,
      format,
      signal,
      observe: ({ table, rows }) => terminal.progress({ stage: table, done: rows, unit: "rows" }),
    });
    try {
      const total = Math.max(...Object.values(overlay.rows));
      const report = await predictView({
        ...settings,
        ...keys,
        db: overlay.db,
        unlabelled: undefined,
        observe: (rows) => showProgress(settings, rows, total, "rows"),
      });
      return { ...report, tables: overlay.rows };
    } finally {
      overlay.close();
    }
  });
}

/** Reports how many rows the files have, and how many the view made of them: fewer if it leaves some out. */
export function describeTables(tables: Report["tables"] = {}, rows: number): string[] {
  const read = Object.entries(tables).map(([name, count]) => `${name} ${count.toLocaleString("en")}`);
  return read.length === 0 ? [] : [
    `rows of the files: ${read.join(", ")}; examples that the view makes of them: ${
      rows.toLocaleString("en")
    }`,
  ];
}

function showProgress({ terminal }: Settings, done: number, total: number, unit: "bytes" | "rows"): void {
  terminal.progress({ stage: "predict", done, total, unit });
}

/** @throws {Failure} `spec-invalid` for a model whose spec names no view. */
function requireKeys(
  { spec }: ArtifactMetadata,
): ExampleKeys & { readonly label: string; readonly weight?: string } {
  const keys = exampleKeysOf(spec);
  const { label, weight } = spec;
  if (keys && typeof label === "string") {
    return { ...keys, label, ...(typeof weight === "string" ? { weight } : {}) };
  }
  throw new Failure(
    "spec-invalid",
    "Cannot predict the rows of a view: the model's feature spec names none. Predict a file that has all fields.",
  );
}
