import type { DatabaseSync, StatementSync } from "node:sqlite";
import { isSameName, namesIn, type Token } from "./sql_tokens.ts";
import type { ParentJoin } from "./view_shape.ts";

/** A column of a query and the table column that it stands for; both are null for an expression. */
export interface ColumnOrigin {
  readonly name: string;
  readonly table: string | null;
  readonly column: string | null;
}

/** @returns The origins in the order of the query's columns; empty if the runtime does not support it. */
export function columnOrigins(db: DatabaseSync, sql: string): ColumnOrigin[] {
  // The types do not declare the method.
  const statement: StatementSync & { columns?(): ColumnOrigin[] } = db.prepare(sql);
  return statement.columns?.() ?? [];
}

/** The definition of a column in a view of joined tables. */
export type ViewColumn =
  | { readonly is: "column"; readonly table: string; readonly column: string }
  /** 1 if `table` has a row whose `column` equals the child's `childColumn`, else 0. */
  | { readonly is: "exists"; readonly table: string; readonly column: string; readonly childColumn: string };

/**
 * Recognises columns of a view: `table.column`, and `EXISTS (SELECT 1 FROM table WHERE table.column = child.column)`.
 *
 * @param join The join that the view was recognised as.
 * @returns The recognised columns, by name.
 */
export function viewColumnsOf(db: DatabaseSync, view: string, join: ParentJoin): Map<string, ViewColumn> {
  const names = db.prepare("SELECT name FROM pragma_table_info(?)").all(view).map(({ name }) => String(name));
  const columns = new Map<string, ViewColumn>();
  if (join.items.length !== names.length) return columns;
  for (const [i, item] of join.items.entries()) {
    const column = columnOf(item, join);
    if (column) columns.set(names[i], column);
  }
  return columns;
}

function columnOf(item: readonly Token[], { child, parents }: ParentJoin): ViewColumn | undefined {
  const plain = namesIn(item, "? . ?") ?? namesIn(item, "? . ? AS ?");
  if (plain) {
    const tables = [child, ...parents.map(({ parent }) => parent)];
    const table = tables.find(({ name }) => isSameName(name, plain[0]));
    const column = table?.columns.find(({ name }) => isSameName(name, plain[1]));
    return table && column ? { is: "column", table: table.name, column: column.name } : undefined;
  }
  const exists = namesIn(item, "EXISTS ( SELECT 1 FROM ? WHERE ? . ? = ? . ? ) AS ?");
  if (!exists) return undefined;
  const [table, ...ends] = exists;
  const [inner, outer] = isSameName(ends[0], table)
    ? [ends.slice(0, 2), ends.slice(2, 4)]
    : [ends.slice(2, 4), ends.slice(0, 2)];
  const childColumn = child.columns.find(({ name }) => isSameName(name, outer[1]));
  const isOwn = isSameName(inner[0], table) && isSameName(outer[0], child.name) &&
    !isSameName(table, child.name);
  return isOwn && childColumn
    ? { is: "exists", table, column: inner[1], childColumn: childColumn.name }
    : undefined;
}
