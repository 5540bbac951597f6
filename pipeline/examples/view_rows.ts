import type { DatabaseSync } from "node:sqlite";
import { iterateRows, type SqlRow } from "../store/checked_rows.ts";
import { quoted } from "../store/sqlite.ts";
import { type ColumnType, listTables } from "../store/table.ts";
import { columnOrigins } from "../store/view/view_columns.ts";
import { readingFailure } from "./reading_failure.ts";

export interface ViewQuery {
  readonly view: string;
  readonly id: string;
  /** Only rows without this label; undefined for all rows. */
  readonly unlabelled: string | undefined;
  /** Columns of the view. */
  readonly columns: readonly string[];
}

/**
 * Yields the id and some columns of the rows of a view, in the order of the ids.
 *
 * @throws {Failure} `examples-invalid` with the row that SQLite cannot compute.
 */
export function* viewRows(
  db: DatabaseSync,
  { view, id, unlabelled, columns }: ViewQuery,
): Generator<SqlRow> {
  const query = {
    columns: [id, ...columns].map(quoted),
    from: unlabelled === undefined
      ? quoted(view)
      : `(SELECT * FROM ${quoted(view)} WHERE ${quoted(unlabelled)} IS NULL)`,
  };
  try {
    yield* iterateRows(db, query);
  } catch (error) {
    throw readingFailure(error, { view, id }, { db, query });
  }
}

/** Returns the names of a view's columns, with their types: TEXT for an expression. @throws {Failure} `examples-invalid` */
export function viewColumnTypes(db: DatabaseSync, view: string): ReadonlyMap<string, ColumnType> {
  try {
    const tables = listTables(db);
    return new Map(
      columnOrigins(db, `SELECT * FROM ${quoted(view)}`).map(({ name, table, column }) => {
        const origin = tables.find((one) => one.name === table)?.columns.find((one) => one.name === column);
        return [name, origin?.type ?? "TEXT"];
      }),
    );
  } catch (error) {
    throw readingFailure(error, { view, id: "" });
  }
}
