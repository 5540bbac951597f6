import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";
import { ReadingStopped, type RowsQuery } from "../store/checked_rows.ts";
import { asFailure, sqliteCode } from "../store/sqlite_failure.ts";
import { findFailingRow, isOfExpression } from "./failing_row.ts";
import { BadExample } from "./row_values.ts";
import type { FeatureSpec } from "./spec.ts";

/**
 * Converts an error of reading a view to a failure that names the row. Other errors are returned unchanged.
 *
 * @param reading The connection and the query, for finding the row.
 */
export function readingFailure(
  error: unknown,
  { view, id }: Pick<FeatureSpec, "view" | "id">,
  reading?: { readonly db: DatabaseSync; readonly query: RowsQuery },
): unknown {
  const reason = error instanceof ReadingStopped ? error.reason : error;
  const known = asFailure(reason, `read the view ${view}`);
  if (known instanceof Failure || !(error instanceof Error)) return known;
  if (error instanceof ReadingStopped) {
    return unreadable(view, `${error.message}${locationOf(error, id, reading)}`);
  }
  return error instanceof BadExample || sqliteCode(error) !== undefined
    ? unreadable(view, error.message)
    : error;
}

function unreadable(view: string, detail: string): Failure {
  return new Failure(
    "examples-invalid",
    `Cannot read the view ${view}: ${detail}. Fix the row, or the view in the schema.`,
  );
}

/** Describes the row and column at which SQLite stopped, as far as they can be found. */
function locationOf(
  stopped: ReadingStopped,
  idName: string,
  reading: { readonly db: DatabaseSync; readonly query: RowsQuery } | undefined,
): string {
  const found = reading && isOfExpression(stopped.reason)
    ? findFailingRow(reading.db, reading.query, stopped.from)
    : undefined;
  const { lastKey } = stopped;
  const last = lastKey === undefined ? "" : ` (the last row read is ${idName} ${shownKey(lastKey)})`;
  if (!found) return last || " (no row was read before)";
  const column = found.column === undefined ? "" : ` in ${found.column}`;
  return `${column} of the row with ${idName} ${shownKey(found.key)}${last}`;
}

/** Formats a key for a message. */
export function shownKey(key: unknown): string {
  return typeof key === "string" ? JSON.stringify(key.slice(0, 80)) : String(key);
}
