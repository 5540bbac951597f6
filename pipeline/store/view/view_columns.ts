import type { DatabaseSync, StatementSync } from "node:sqlite";
import { isSameName, type ParentJoin } from "./view_shape.ts";

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
  const row = db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?").get(view);
  const names = db.prepare("SELECT name FROM pragma_table_info(?)").all(view).map(({ name }) => String(name));
  const items = selectedItems(String(row?.sql));
  const columns = new Map<string, ViewColumn>();
  if (items.length !== names.length) return columns;
  for (const [i, item] of items.entries()) {
    const column = columnOf(item, join);
    if (column) columns.set(names[i], column);
  }
  return columns;
}

function columnOf(item: string, { child, parents }: ParentJoin): ViewColumn | undefined {
  const tables = [child, ...parents.map(({ parent }) => parent)];
  const plain = /^(\w+)\.(\w+)(?: AS \w+)?$/i.exec(item);
  if (plain) {
    const table = tables.find(({ name }) => isSameName(name, plain[1]));
    const column = table?.columns.find(({ name }) => isSameName(name, plain[2]));
    return table && column ? { is: "column", table: table.name, column: column.name } : undefined;
  }
  const exists = /^EXISTS ?\( ?SELECT 1 FROM (\w+) WHERE (\w+)\.(\w+) = (\w+)\.(\w+) ?\) AS \w+$/i.exec(item);
  if (!exists) return undefined;
  const [, table, ...ends] = exists;
  const [inner, outer] = isSameName(ends[0], table)
    ? [ends.slice(0, 2), ends.slice(2)]
    : [ends.slice(2), ends.slice(0, 2)];
  const childColumn = child.columns.find(({ name }) => isSameName(name, outer[1]));
  const isOwn = isSameName(inner[0], table) && isSameName(outer[0], child.name) &&
    !isSameName(table, child.name);
  return isOwn && childColumn
    ? { is: "exists", table, column: inner[1], childColumn: childColumn.name }
    : undefined;
}

/** Returns the result columns of a view's SELECT, on one line each and without comments; none if anything is quoted. */
function selectedItems(sql: string): string[] {
  const flat = sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, " ").replace(/\s+/g, " ");
  const from = flat.search(/\bSELECT /i);
  if (from < 0 || /['"`[]/.test(flat)) return [];
  const items = [""];
  let depth = 0;
  for (const word of flat.slice(from + "SELECT ".length).split(/(\bFROM\b|[(),])/i)) {
    if (word === "(") depth++;
    if (word === ")") depth--;
    if (depth === 0 && /^FROM$/i.test(word)) return items.map((item) => item.trim());
    if (depth === 0 && word === ",") items.push("");
    else items[items.length - 1] += word;
  }
  return [];
}
