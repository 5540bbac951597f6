import type { DatabaseSync } from "node:sqlite";
import {
  isSqlValue,
  iterateRows,
  ReadingStopped,
  type RowsQuery,
  rowsReader,
  type SqlValue,
} from "../store/checked_rows.ts";
import { hasCode } from "../store/sqlite_failure.ts";

/** A row of a view that SQLite cannot compute. */
export interface FailingRow {
  readonly key: SqlValue;
  /** Of the query, as SQL; undefined if it is not known. */
  readonly column: string | undefined;
}

/** SQLITE_ERROR, SQLITE_TOOBIG and SQLITE_MISMATCH: what an expression of a view fails with. https://sqlite.org/rescode.html */
const expressionCodes = [1, 18, 20];

/** Whether SQLite threw this because an expression failed on a row. */
export function isOfExpression(error: unknown): boolean {
  return expressionCodes.some((code) => hasCode(error, code));
}

/** More than a batch of a reading. */
const keysMax = 1_024;

/**
 * Finds the row on which a reading failed, by bisection: SQLite computes only the columns of rows that WHERE lets through.
 *
 * @param query Its first column is the key.
 * @param from A key from which on the row lies among the next thousand; without it, all rows are looked at.
 * @returns undefined if the view fails whichever row is asked for, or on none any more.
 */
export function findFailingRow(
  db: DatabaseSync,
  query: RowsQuery,
  from: SqlValue | undefined,
): FailingRow | undefined {
  try {
    const fails = prober(db, query, query.columns);
    const keys = keysOf(db, query, from);
    if (!keys) return failingInteger(fails, from);
    if (keys.length === 0 || !fails(keys[0], keys[keys.length - 1])) return undefined;
    let [low, high] = [0, keys.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (fails(keys[low], keys[middle])) high = middle;
      else low = middle + 1;
    }
    const key = keys[low];
    const other = keys[low === 0 ? 1 : 0];
    // A view that computes all its rows to give one fails on each: this says nothing of the row.
    if (other !== undefined && fails(other, other)) return undefined;
    return { key, column: failingColumn(db, query, key) };
  } catch (error) {
    // What is told is why the reading stopped, and not why this did.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

type Fails = (first: SqlValue, last: SqlValue) => boolean;

/** Where the keys cannot be read either, because WHERE fails, integers are found without them. */
function failingInteger(fails: Fails, from: SqlValue | undefined): FailingRow | undefined {
  if (typeof from !== "bigint" && !(typeof from === "number" && Number.isInteger(from))) return undefined;
  const first = BigInt(from);
  let [low, high] = [first, 2n ** 63n - 1n];
  if (!fails(first, high)) return undefined;
  while (low < high) {
    const middle = (low + high) / 2n;
    if (fails(first, middle)) high = middle;
    else low = middle + 1n;
  }
  return fails(low + 1n, low + 1n) ? undefined : { key: low, column: undefined };
}

/** The column of a query that SQLite cannot compute for one row. @returns undefined if it is not one alone. */
export function failingColumn(db: DatabaseSync, query: RowsQuery, key: SqlValue): string | undefined {
  const failing = query.columns.slice(1).filter((column) => prober(db, query, [column])(key, key));
  return failing.length === 1 ? failing[0] : undefined;
}

/** @returns undefined if the view fails on a row although only its key is asked for. */
function keysOf(
  db: DatabaseSync,
  { columns: [key], from: view }: RowsQuery,
  from: SqlValue | undefined,
): SqlValue[] | undefined {
  try {
    const rows = from === undefined
      ? iterateRows(db, { columns: [key], from: view })
      : rowsReader(db, `SELECT ${key} FROM ${view} WHERE ${key} >= ? ORDER BY ${key} LIMIT ${keysMax}`)(from);
    return Array.from(rows, ([value]) => value).filter(isSqlValue);
  } catch (error) {
    if (isOfExpression(error) || error instanceof ReadingStopped) return undefined;
    throw error;
  }
}

/** @returns What says whether a column of the rows from one key to another fails. */
function prober(
  db: DatabaseSync,
  { columns: [key], from: view }: RowsQuery,
  columns: readonly string[],
): Fails {
  // An aggregate has to compute each row, and gives only one.
  const list = columns.map((column) => `max(${column})`).join(", ");
  const read = rowsReader(db, `SELECT ${list} FROM ${view} WHERE ${key} >= ? AND ${key} <= ?`);
  return (first, last) => {
    try {
      read(first, last);
      return false;
    } catch (error) {
      if (isOfExpression(error)) return true;
      throw error;
    }
  };
}
