import type { DatabaseSync, StatementSync } from "node:sqlite";

/** A column of a query, and the table's column that it is: null for an expression. */
export interface ColumnOrigin {
  readonly name: string;
  readonly table: string | null;
  readonly column: string | null;
}

/** @returns In the order of the query's columns; none if the runtime cannot say. */
export function columnOrigins(db: DatabaseSync, sql: string): ColumnOrigin[] {
  // The types do not know the method.
  const statement: StatementSync & { columns?(): ColumnOrigin[] } = db.prepare(sql);
  return statement.columns?.() ?? [];
}
