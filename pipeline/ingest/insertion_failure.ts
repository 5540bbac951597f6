import type { DatabaseSync } from "node:sqlite";
import type { Cell, RowFault } from "../files/columns/batch.ts";
import { Failure } from "../failure.ts";
import { type StatementRows, storedSql } from "./insertion_sql.ts";
import type { Table, TableColumn } from "../store/table.ts";

/** Why the table refuses a row: what SQLite says, and the values that it speaks of. */
export function constraintFault(
  error: Error,
  row: StatementRows,
  columns: readonly TableColumn[],
  table: Table,
): RowFault {
  if (error.message === "FOREIGN KEY constraint failed") return foreignKeyFault(error, row, columns, table);
  const words = new Set(error.message.match(/\w+/g));
  const spokenOf = columns.flatMap(({ name }, i) => words.has(name) ? [{ name, cell: row.cells[i] }] : []);
  const values = spokenOf.map(({ name, cell }) => `${name} is ${shown(cell)}`).join(", ");
  return {
    row: row.rows[0],
    ...(spokenOf.length > 0 ? { column: spokenOf[0].name } : {}),
    constraint: error.message,
    detail: values ? `${error.message} (${values})` : error.message,
    isRead: true,
    cells: row.cells,
  };
}

/** SQLite does not say which foreign key it was: all of the row that refer to something are named. */
function foreignKeyFault(
  error: Error,
  row: StatementRows,
  columns: readonly TableColumn[],
  { foreignKeys }: Table,
): RowFault {
  const cellOf = (name: string) => row.cells[columns.findIndex((column) => column.name === name)] ?? null;
  const mayBe = foreignKeys.filter((key) => key.columns.every((name) => cellOf(name) !== null));
  const said = mayBe.map((key) =>
    `${key.parent} has no row for ${key.columns.map((name) => `${name} ${shown(cellOf(name))}`).join(", ")}`
  );
  return {
    row: row.rows[0],
    ...(mayBe.length === 1 ? { column: mayBe[0].columns[0] } : {}),
    constraint: error.message,
    detail: said.length > 0 ? `${error.message}: ${said.join(", or ")}` : error.message,
    isRead: true,
    cells: row.cells,
  };
}

/** Why a row is not in the table, though no constraint refuses it and its key was not there. */
export function passedOver(row: StatementRows, { name }: Table): RowFault {
  return {
    row: row.rows[0],
    detail: `${name} passed it over, as a trigger does with RAISE(IGNORE), expected it to be inserted`,
    isRead: true,
    cells: row.cells,
  };
}

/** @returns `row-conflict`: the key, and the first value that differs. */
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
  const key = table.key.map((name, i) => `${name} ${shown(keyCells[i])}`).join(", ");
  const difference = at < 0
    ? ""
    : ` (${columns[at].name} is ${shown(row.cells[at])} in the file, ${
      shown(stored[columns[at].name])
    } in the store)`;
  return new Failure(
    "row-conflict",
    `Cannot load ${fileName}: row ${
      row.rows[0].toLocaleString("en")
    } has ${key}, which ${table.name} has already with other values${difference}. ` +
      "Correct the file, or choose with clickwell ingest --on-conflict keep or --on-conflict replace",
  );
}

/** Integers are read as bigint, whatever they were given as. */
function isSame(given: Cell, stored: unknown): boolean {
  return typeof stored === "bigint" ? given !== null && stored === BigInt(given) : given === stored;
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  return value === null ? "NULL" : String(value);
}
