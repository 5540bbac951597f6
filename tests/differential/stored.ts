import assert from "node:assert/strict";
import { join } from "node:path";
import { ingest } from "../../pipeline/ingest/ingest.ts";
import type { TextFormat } from "../../pipeline/files/text/text_format.ts";
import { openStore, type Store } from "../../pipeline/store/store.ts";
import { assertRejected } from "../support/expected_failure.ts";
import { rowsOf } from "../support/tables.ts";
import {
  type ExpectedCell,
  expectedCells,
  fault,
  isCompared,
  isTaken,
  type Target,
  targets,
} from "./expected_cell.ts";
import type { WrittenColumn, WrittenTable } from "./written_table.ts";

/** A column of a table that is loaded from a column of the file. */
interface Loaded {
  readonly column: WrittenColumn;
  readonly target: Target;
  readonly name: string;
  readonly cells: readonly (ExpectedCell | typeof fault)[];
}

/**
 * Loads each column as each type that it can become, and compares the store with what pyarrow reads, row for row; then as
 * each type that it cannot, which must be refused by its name.
 */
export async function checkStored(table: WrittenTable, folder: string): Promise<void> {
  const key = table.columns.find(({ name }) => name === "id");
  assert(key, "a table without ids");
  const pairs = table.columns.filter((column) => column !== key).flatMap((column) =>
    targets.map((target) => ({ column, target, name: nameOf(column, target) }))
  );
  const loaded = pairs.filter(({ column, target }) => isTaken(column, target) && isCompared(column, target))
    .map((pair) => ({ ...pair, cells: expectedCells(pair.column, pair.target) }));
  const sound = loaded.filter(({ cells }) => !cells.includes(fault));
  const faulty = loaded.filter(({ cells }) => cells.includes(fault));
  const refused = pairs.filter(({ column, target }) => !isTaken(column, target)).slice(0, refusedMax);
  const keyType = key.kind === "bytes" ? "TEXT" : "INTEGER";
  const declared = [
    declare("sound", keyType, sound),
    declare("faulty", keyType, faulty),
    ...refused.map((pair, i) => declare(`refused_${i}`, keyType, [pair])),
  ];
  const schema = `${declared.join("\n")}\nCREATE VIEW examples AS SELECT * FROM sound;`;
  const store = openStore(join(folder, `store-${table.number}`), { mode: "create", freeBytesMin: 0, schema });
  try {
    await checkLoaded(store, table.path, { name: "sound", key, loaded: sound });
    await checkLoaded(store, table.path, {
      name: "faulty",
      key,
      loaded: faulty,
      rejectsPath: join(folder, `rejects-${table.number}`),
    });
    for (const [i, { column, name }] of refused.entries()) {
      const files = { [`refused_${i}`]: [table.path] };
      const columnNames = { [`refused_${i}`]: { [name]: column.name } };
      await assertRejected(
        ingest(store, { files, columnNames }),
        "file-invalid",
        new RegExp(`column "${column.name}" is `),
      );
    }
  } finally {
    store.close();
  }
}

/** Each rejection is a separate load. */
const refusedMax = 2;

/** Loads the same table out of CSV and newline-delimited JSON. */
export async function checkTexts(table: WrittenTable, folder: string): Promise<void> {
  const key = table.columns.find(({ name }) => name === "id");
  assert(key, "a table without ids");
  for (const { path, writer, columns, format } of table.texts) {
    const isCsv = writer.endsWith("CSV");
    const loaded = table.columns.filter((column) => column !== key && columns.includes(column.name))
      .flatMap((column) =>
        textTargets(column).map((target) => ({
          column,
          target,
          name: nameOf(column, target),
          // An empty field of CSV is NULL, quoted or not.
          cells: expectedCells(column, target).map((cell) => cell === "" && isCsv ? null : cell),
        }))
      ).filter(({ cells }) => !cells.includes(fault));
    const keyType = key.kind === "bytes" ? "TEXT" : "INTEGER";
    const schema = `${declare("sound", keyType, loaded)}\nCREATE VIEW examples AS SELECT * FROM sound;`;
    const store = openStore(join(folder, `texts-${table.number}`), {
      mode: "create",
      freeBytesMin: 0,
      schema,
    });
    try {
      await checkLoaded(store, path, { name: "sound", key, loaded, format });
    } catch (error) {
      throw new Error(`${writer} with ${JSON.stringify(format)}: ${path}`, { cause: error });
    } finally {
      store.close();
    }
  }
}

/** What text says of a column as parquet does. */
function textTargets({ kind }: WrittenColumn): Target[] {
  switch (kind) {
    case "integer":
      return ["INTEGER", "TEXT"];
    case "boolean":
      return ["INTEGER"];
    case "real":
      return ["REAL"];
    case "time":
      return ["TIME"];
    default:
      return ["TEXT"];
  }
}

function nameOf({ name }: WrittenColumn, target: Target): string {
  return target === "TIME" ? `${name}_at` : `${name}_${target.toLowerCase()}`;
}

function declare(
  table: string,
  keyType: string,
  columns: readonly Pick<Loaded, "name" | "target">[],
): string {
  const lines = columns.map(({ name, target }) => `, ${name} ${target === "TIME" ? "INTEGER" : target}`);
  return `CREATE TABLE ${table} (id ${keyType} NOT NULL PRIMARY KEY${lines.join("")}) STRICT;`;
}

interface Comparison {
  /** The table of the store. */
  readonly name: string;
  readonly key: WrittenColumn;
  readonly loaded: readonly Loaded[];
  readonly rejectsPath?: string;
  readonly format?: TextFormat;
}

async function checkLoaded(
  store: Store,
  path: string,
  { name, key, loaded, rejectsPath, format }: Comparison,
): Promise<void> {
  if (loaded.length === 0) return;
  const ids = expectedCells(key, key.kind === "bytes" ? "TEXT" : "INTEGER");
  const rows = ids.map((id, i) => ({
    id,
    ...Object.fromEntries(loaded.map(({ name, cells }) => [name, cells[i]])),
  }));
  const expected = rows.filter((row) => !Object.values(row).includes(fault));
  const columnNames = { [name]: Object.fromEntries(loaded.map(({ name, column }) => [name, column.name])) };
  const files = { [name]: [path] };
  const loading = ingest(store, {
    files,
    columnNames,
    format,
    // In JSON, NULL values are left out of each row.
    allowMissing: format !== undefined,
    ...(rejectsPath === undefined ? {} : { rejectsPath }),
  });
  if (rows.length > 0 && expected.length === 0) {
    return await assertRejected(
      loading,
      "row-rejected",
      /(?:all of its [\d,]+ rows were|its only row was) rejected/,
    );
  }
  const { tables } = await loading;
  const found = new Map(rowsOf(store, name).map((row) => [row.id, row]));
  assert.equal(found.size, expected.length, `rows of ${name}`);
  for (const row of expected) assert.deepEqual({ ...found.get(row.id) }, row);
  assert.equal(tables[name].read, rows.length);
  assert.equal(tables[name].rejected, rows.length - expected.length);
}
