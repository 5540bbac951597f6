import type { DatabaseSync } from "node:sqlite";
import type { Cell, RowFault } from "../files/columns/batch.ts";
import { Failure } from "../failure.ts";
import { type StatementRows, storedSql } from "./insertion_sql.ts";
import type { Table, TableColumn } from "../store/table.ts";

/** Returns why the table rejects a row: SQLite's message, and the values of the columns that it names. */
export function constraintFault(
  error: Error,
  row: StatementRows,
  columns: readonly TableColumn[],
  table: Table,
): RowFault {
  if (error.message === "FOREIGN KEY constraint failed") return foreignKeyFault(error, row, columns, table);
  const named = columns.flatMap(({ name }, i) =>
    names(error.message, name) ? [{ name, cell: row.cells[i] }] : []
  );
  const values = named.map(({ name, cell }) => `${name} is ${formatValue(cell)}`).join(", ");
  return faultOf(row, {
    ...(named.length > 0 ? { column: named[0].name } : {}),
    constraint: error.message,
    detail: values ? `${error.message} (${values})` : error.message,
  });
}

/** Returns whether a message contains a name that is not part of a longer word. */
function names(message: string, name: string): boolean {
  return new RegExp(`(?<![\\p{L}\\p{N}_])${RegExp.escape(name)}(?![\\p{L}\\p{N}_])`, "u").test(message);
}

function faultOf(
  { rows, cells }: StatementRows,
  reason: Pick<RowFault, "column" | "constraint" | "detail">,
): RowFault {
  return { row: rows[0], ...reason, isRead: true, cells };
}

/** SQLite does not report which foreign key failed: the fault names all that are not NULL in the row. */
function foreignKeyFault(
  error: Error,
  row: StatementRows,
  columns: readonly TableColumn[],
  { foreignKeys }: Table,
): RowFault {
  const cellOf = (name: string) => row.cells[columns.findIndex((column) => column.name === name)] ?? null;
  const candidates = foreignKeys.filter((key) => key.columns.every((name) => cellOf(name) !== null));
  const descriptions = candidates.map((key) =>
    `${key.parent} has no row for ${
      key.columns.map((name) => `${name} ${formatValue(cellOf(name))}`).join(", ")
    }`
  );
  return faultOf(row, {
    ...(candidates.length === 1 ? { column: candidates[0].columns[0] } : {}),
    constraint: error.message,
    detail: descriptions.length > 0 ? `${error.message}: ${descriptions.join(", or ")}` : error.message,
  });
}

/** Returns why a row was not inserted although it breaks no constraint and its key is new. */
export function ignoredFault(row: StatementRows, { name }: Table): RowFault {
  const detail = `${name} ignored it, as a trigger does with RAISE(IGNORE), expected it to be inserted`;
  return faultOf(row, { detail });
}

/** Returns a `row-conflict` with the key and the first value that differs. */
export function conflictFailure(
  db: DatabaseSync,
  table: Table,
  columns: readonly TableColumn[],
  { row, fileName }: { row: StatementRows; fileName: string },
): Failure {
  const keyCells = table.key.map((name) => row.cells[columns.findIndex((column) => column.name === name)]);
  const statement = db.prepare(storedSql(table, columns));
  statement.setReadBigInts(true);
  const stored = statement.get(...keyCells) ?? {};
  const at = columns.findIndex(({ name }, i) => !isSame(row.cells[i], stored[name]));
  const key = table.key.map((name, i) => `${name} ${formatValue(keyCells[i])}`).join(", ");
  const difference = at < 0
    ? ""
    : ` (${columns[at].name} is ${formatValue(row.cells[at])} in the file, ${
      formatValue(stored[columns[at].name])
    } in the store)`;
  return new Failure(
    "row-conflict",
    `Cannot load ${fileName}: row ${
      row.rows[0].toLocaleString("en")
    } has ${key}, which exists in ${table.name} with other values${difference}. ` +
      "Correct the file, or choose with --on-conflict keep or --on-conflict replace",
  );
}

/** Returns the `row-rejected` of rows that violate a deferred foreign key; undefined if none does. */
export function deferredKeyFailure(db: DatabaseSync, { name }: Table, path: string): Failure | undefined {
  const broken = db.prepare("SELECT parent, count(*) AS n FROM pragma_foreign_key_check(?) GROUP BY parent")
    .all(name);
  if (broken.length === 0) return undefined;
  const found = broken.map(({ parent, n }) => `${n} row(s) refer to missing rows of ${parent}`).join(", ");
  return new Failure(
    "row-rejected",
    `Cannot load ${path}: ${found}, which a deferred foreign key of ${name} forbids. Load those rows first, or correct the file.`,
  );
}

/** Stored integers are read as bigint; given ones may be numbers. */
function isSame(given: Cell, stored: unknown): boolean {
  return typeof stored === "bigint" ? given !== null && stored === BigInt(given) : given === stored;
}

function formatValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  return value === null ? "NULL" : String(value);
}
