import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";
import { ReadingStopped, type RowsQuery } from "../store/checked_rows.ts";
import { asFailure, sqliteCode } from "../store/sqlite_failure.ts";
import { findFailingRow, isOfExpression } from "./failing_row.ts";
import { BadExample } from "./row_values.ts";
import type { FeatureSpec } from "./spec.ts";

/**
 * What went wrong while a view was read, as a failure that names the row; any other error as it is.
 *
 * @param reading The connection and the query, to look for the row.
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
    return unreadable(view, `${error.message}${placeOf(error, id, reading)}`);
  }
  return error instanceof BadExample || sqliteCode(error) !== undefined
    ? unreadable(view, error.message)
    : error;
}

function unreadable(view: string, detail: string): Failure {
  return new Failure(
    "examples-invalid",
    `Cannot read the view ${view}: ${detail}. Mend the row, or the view in the schema.`,
  );
}

/** The row and column that SQLite stopped at, as far as they can be found. */
function placeOf(
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

/** A key in a message. */
export function shownKey(key: unknown): string {
  return typeof key === "string" ? JSON.stringify(key.slice(0, 80)) : String(key);
}
