import type { DatabaseSync, StatementSync } from "node:sqlite";
import { isSameName, isSign, namesIn, type Token } from "./sql_tokens.ts";
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
 * Recognises columns of a view: `table.column`, and `EXISTS (SELECT 1 FROM table WHERE table.column = child.column)`; in a view of one
 * table also `column` and `*`.
 *
 * @param join The join that the view was recognised as.
 * @returns The recognised columns, by name.
 */
export function viewColumnsOf(db: DatabaseSync, view: string, join: ParentJoin): Map<string, ViewColumn> {
  const names = db.prepare("SELECT name FROM pragma_table_info(?)").all(view).map(({ name }) => String(name));
  const columns = new Map<string, ViewColumn>();
  const items = join.items.flatMap((item) => expanded(item, join));
  // A table may have generated columns, which `*` has and `child.columns` lacks.
  if (items.length !== names.length) return columns;
  for (const [i, item] of items.entries()) {
    const column = columnOf(item, join);
    if (column) columns.set(names[i], column);
  }
  return columns;
}

/** Returns the items that `*` stands for. */
function expanded(item: readonly Token[], { child, parents }: ParentJoin): (readonly Token[])[] {
  const isAll = isSign(item.at(-1), "*") &&
    (item.length === 1 ||
      (item.length === 3 && isSign(item[1], ".") && isSameName(item[0].text, child.name)));
  if (!isAll || parents.length > 0) return [item];
  return child.columns.map(({ name }) => [{ kind: "quoted", text: name }]);
}

/** Words that are no names of columns unless they are quoted. */
const constants = /^(current_date|current_time|current_timestamp|null|true|false)$/i;

function columnOf(item: readonly Token[], { child, parents }: ParentJoin): ViewColumn | undefined {
  const bare = parents.length === 0 ? namesIn(item, "?") ?? namesIn(item, "? AS ?") : undefined;
  if (bare) {
    const isConstant = item[0].kind === "word" && constants.test(bare[0]);
    const column = child.columns.find(({ name }) => !isConstant && isSameName(name, bare[0]));
    return column && { is: "column", table: child.name, column: column.name };
  }
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
