import { DatabaseSync } from "node:sqlite";
import { releaseBatch } from "../files/columns/batch.ts";
import type { ColumnMapping } from "../files/columns/column_source.ts";
import { formatAmong } from "../files/open_file.ts";
import { memberOf } from "../exact_json.ts";
import { Failure } from "../failure.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";
import { createTables, loanOffers, tableNamesOf } from "../store/schema.ts";
import { quoted } from "../store/sqlite.ts";
import { asFailure } from "../store/sqlite_failure.ts";
import { openStore } from "../store/store.ts";
import { findTable, listTables, type Table, type TableColumn } from "../store/table.ts";
import { columnOrigins } from "../store/view/view_columns.ts";
import { isSameName } from "../store/view/sql_tokens.ts";
import { openInsertion } from "./insertion.ts";
import { openReader } from "./reader_job.ts";

export interface OverlayOptions {
  /** The store whose tables the files stand in for. */
  readonly dataDir: string;
  /** SQL of tables and views, which are used in place of the store: then all tables without files are empty. */
  readonly schema?: string | undefined;
  /** The same, but only if there is no store. Default: the tables of loan offers, if the files are of those. */
  readonly schemaOfNewStore?: string | undefined;
  readonly files: Readonly<Record<string, readonly string[]>>;
  readonly view: string;
  /** Columns of the view that the files need not have the values of, as the label. */
  readonly optional: readonly string[];
  /** Names of columns in the files that differ from those of the table: by table, then by column. */
  readonly columnNames: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly allowMissing: boolean;
  readonly format: ColumnMapping["format"];
  readonly signal: AbortSignal | undefined;
  readonly observe?: (
    progress: { readonly table: string; readonly path: string; readonly rows: number },
  ) => void;
}

/** A connection in which the rows of files stand in for those of their tables. */
export interface Overlay {
  readonly db: DatabaseSync;
  /** Rows of each table that was given files. */
  readonly rows: Readonly<Record<string, number>>;
  close(): void;
}

/**
 * Reads files into temporary tables, which hide the tables of the same names from the views. Nothing is stored: SQLite
 * keeps temporary tables in memory, or in a file without a name, which ends with the process.
 *
 * @throws {Failure} `store-missing`, `table-unknown`, `spec-invalid` for an unusable schema; as `openReader` and an insertion
 *   do.
 */
export async function openOverlay(options: OverlayOptions): Promise<Overlay> {
  const { db, close } = openBase(options);
  try {
    // The parents of a row may be in another database, and a prediction takes any value, as over HTTP.
    db.exec(
      "PRAGMA query_only = OFF; PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA temp_store = FILE",
    );
    const tables = listTables(db);
    const given = Object.keys(options.files).map((name) => findTable(tables, name));
    const optional = optionalColumns(db, options);
    const relaxed = given.map((table) => relax(db, table, optional.get(table.name) ?? []));
    for (const { sql } of relaxed) db.exec(sql);
    for (const sql of viewsOf(db)) db.exec(sql);
    const rows: Record<string, number> = {};
    for (const { table } of relaxed) rows[table.name] = await readFiles(db, table, options);
    return { db, rows, close };
  } catch (error) {
    close();
    throw asFailure(error, "read the files");
  }
}

/** Opens the store, or an empty one in memory. */
function openBase(
  { dataDir, schema, schemaOfNewStore, files }: OverlayOptions,
): { db: DatabaseSync; close(): void } {
  if (schema === undefined) {
    try {
      return openStore(dataDir, { mode: "read" });
    } catch (error) {
      const loanTables = tableNamesOf();
      const areLoans = Object.keys(files).every((name) => loanTables.includes(name));
      const isKnown = areLoans || schemaOfNewStore !== undefined;
      if (!isKnown || !(error instanceof Failure) || error.kind !== "store-missing") throw error;
    }
  }
  const db = new DatabaseSync(":memory:");
  try {
    createTables(db, schema ?? schemaOfNewStore ?? loanOffers);
    return { db, close: () => db.close() };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Returns the columns of tables that optional columns of the view are, by table. */
function optionalColumns(db: DatabaseSync, { view, optional }: OverlayOptions): Map<string, string[]> {
  const columns = new Map<string, string[]>();
  for (const { name, table, column } of columnOrigins(db, `SELECT * FROM ${quoted(view)}`)) {
    if (!optional.includes(name) || table === null || column === null) continue;
    columns.set(table, [...columns.get(table) ?? [], column]);
  }
  return columns;
}

/** Returns a table whose optional columns may be missing, and the SQL of its temporary double. */
function relax(db: DatabaseSync, table: Table, optional: readonly string[]): { table: Table; sql: string } {
  const isOptional = ({ name }: TableColumn) => optional.includes(name) && !table.key.includes(name);
  const relaxed = table.columns.map((column) =>
    isOptional(column) ? { ...column, required: false, hasDefault: true } : column
  );
  const hasGenerated = db.prepare("SELECT 1 FROM pragma_table_xinfo(?) WHERE hidden <> 0").get(table.name);
  if (hasGenerated || !table.columns.some((column) => isOptional(column) && column.required)) {
    const { sql } =
      db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table.name) ??
        {};
    const isRequired = ({ required }: TableColumn) => required;
    const columns = hasGenerated ? table.columns.map((c, i) => isRequired(c) ? c : relaxed[i]) : relaxed;
    return { table: { ...table, columns }, sql: String(sql).replace(/^CREATE TABLE/i, "CREATE TEMP TABLE") };
  }
  const defaults = new Map(
    db.prepare("SELECT name, dflt_value FROM pragma_table_xinfo(?) WHERE dflt_value IS NOT NULL").all(
      table.name,
    )
      .map(({ name, dflt_value }) => [String(name), ` DEFAULT (${dflt_value})`]),
  );
  const columns = relaxed.map(({ name, type, required }) =>
    `${quoted(name)} ${type}${required ? " NOT NULL" : ""}${defaults.get(name) ?? ""}`
  );
  const key = table.key.map(quoted).join(", ");
  return {
    table: { ...table, columns: relaxed },
    sql: `CREATE TEMP TABLE ${quoted(table.name)} (${columns.join(", ")}, PRIMARY KEY (${key})) STRICT`,
  };
}

/** Returns the SQL of temporary doubles of all views: those of the store do not see temporary tables. */
function viewsOf(db: DatabaseSync): string[] {
  return db.prepare("SELECT sql FROM main.sqlite_schema WHERE type = 'view' ORDER BY rowid").all()
    .map(({ sql }) => String(sql).replace(/^CREATE VIEW/i, "CREATE TEMP VIEW"));
}

/** Batches between two yields to the event loop, which delivers Ctrl-C. */
const batchesPerYield = 8;

/** @returns The number of rows. */
async function readFiles(db: DatabaseSync, table: Table, options: OverlayOptions): Promise<number> {
  const { files, columnNames, allowMissing, signal, observe = () => {} } = options;
  const format = formatAmong(files[table.name], Object.values(files).flat(), options.format);
  const mapping = {
    names: memberOf(columnNames, table.name) ?? {},
    allowMissing,
    ...(format ? { format } : {}),
  };
  let rows = 0;
  for (const path of files[table.name]) {
    try {
      const reader = openReader({
        path,
        table,
        mapping,
        collectFaults: false,
        storePath: undefined,
        references: [],
        areParents: false,
      }, new Map());
      db.exec("BEGIN");
      try {
        const { columns } = reader.opened;
        const isNumbered = !columns.some(({ name }) => isSameName(name, table.key[0]));
        const insertion = openInsertion({ db, path: undefined }, table, {
          columns,
          onConflict: "fail",
          onReject: undefined,
          fileName: path,
          firstRowNumber: isNumbered ? rows + 1 : undefined,
        });
        let batches = 0;
        for (const { batch } of reader.batches()) {
          insertion.add(batch);
          releaseBatch(batch);
          if (++batches % batchesPerYield > 0) continue;
          observe({ table: table.name, path, rows: rows + insertion.counts.read });
          await yieldToEventLoop();
          signal?.throwIfAborted();
        }
        rows += insertion.counts.read;
        db.exec("COMMIT");
      } finally {
        reader.close();
      }
    } catch (error) {
      throw predictionFailure(error);
    }
  }
  return rows;
}

/** Rewords a failure of a load: its remedies are flags of ingest. */
function predictionFailure(error: unknown): unknown {
  if (!(error instanceof Failure) || !/^Cannot load /.test(error.message)) return error;
  const message = error.message.replace(/^Cannot load /, "Cannot predict ")
    .replace(/\. Correct the file, or [\s\S]*$/, ". Correct the file.")
    .replaceAll("clickwell ingest --column", "--column");
  return new Failure(error.kind, message, error.errors);
}
