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
  /** Column of the query, as SQL; undefined if unknown. */
  readonly column: string | undefined;
}

/** Codes with which an expression of a view fails: SQLITE_ERROR, SQLITE_TOOBIG, SQLITE_MISMATCH. https://sqlite.org/rescode.html */
const expressionCodes = [1, 18, 20];

/** Returns whether SQLite threw an error because an expression failed on a row. */
export function isOfExpression(error: unknown): boolean {
  return expressionCodes.some((code) => hasCode(error, code));
}

/** Keys to bisect: more than a batch of the reader. */
const keysMax = 1_024;

/**
 * Finds the row on which a read failed, by bisection: SQLite computes the columns only for rows that satisfy WHERE.
 *
 * @param query Its first column is the key.
 * @param from A key such that the failing row is among the next `keysMax`. Default: all rows are searched.
 * @returns undefined if the view fails for every row, or no longer fails.
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
    // If another row fails too, the view computes all rows to return one: the failing row is unknown.
    if (other !== undefined && fails(other, other)) return undefined;
    return { key, column: failingColumn(db, query, key) };
  } catch (error) {
    // The caller reports why the read failed, not why the search did.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

type Fails = (first: SqlValue, last: SqlValue) => boolean;

/** Bisects all integers, without reading keys: for a WHERE that fails. */
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

/** Returns the column of a query that SQLite cannot compute for one row; undefined if there is not exactly one. */
export function failingColumn(db: DatabaseSync, query: RowsQuery, key: SqlValue): string | undefined {
  const failing = query.columns.slice(1).filter((column) => prober(db, query, [column])(key, key));
  return failing.length === 1 ? failing[0] : undefined;
}

/** @returns undefined if the view fails even if only keys are selected. */
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

/** Returns a function that checks whether one of `columns` fails for the rows between two keys, inclusive. */
function prober(
  db: DatabaseSync,
  { columns: [key], from: view }: RowsQuery,
  columns: readonly string[],
): Fails {
  // An aggregate computes each row and returns a single one.
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
