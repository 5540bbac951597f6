import type { Table } from "../store/table.ts";
import { isSameName } from "../store/view/sql_tokens.ts";

/**
 * A reference by name: a column with the name of another table's whole key refers to that table, as `offers.lead_uuid` to
 * `leads`. Keys with the same name, as `id` in all tables, do not refer to each other.
 */
export interface Reference {
  readonly table: string;
  readonly column: string;
  readonly parent: string;
}

export function referencesOf(table: Table, tables: readonly Table[]): Reference[] {
  return table.columns.flatMap(({ name: column }) =>
    isWholeKey(table, column) ? [] : tables.filter((parent) => parent !== table && isWholeKey(parent, column))
      .map((parent) => ({ table: table.name, column, parent: parent.name }))
  );
}

function isWholeKey({ key }: Table, column: string): boolean {
  return key.length === 1 && key[0] === column;
}

/** Orders tables so that each follows those that it refers to. Otherwise, and in a cycle, keeps their order. */
export function parentsFirst(tables: readonly Table[]): Table[] {
  const ordered: Table[] = [];
  const seen = new Set<Table>();
  const visit = (table: Table) => {
    if (seen.has(table)) return;
    seen.add(table);
    const parents = [...table.foreignKeys, ...referencesOf(table, tables)].map(({ parent }) => parent);
    for (const parent of parents) {
      const found = tables.find(({ name }) => isSameName(name, parent));
      if (found) visit(found);
    }
    ordered.push(table);
  };
  tables.forEach(visit);
  return ordered;
}
