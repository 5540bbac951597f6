import type { Table } from "../store/table.ts";

/** A column that is called like the whole key of another table refers to it: `offers.lead_uuid` to `leads`. */
export interface Reference {
  readonly table: string;
  readonly column: string;
  readonly parent: string;
}

export function referencesOf(table: Table, tables: readonly Table[]): Reference[] {
  return table.columns.flatMap(({ name: column }) =>
    tables.filter((parent) => parent !== table && parent.key.length === 1 && parent.key[0] === column)
      .map((parent) => ({ table: table.name, column, parent: parent.name }))
  );
}

/** The tables, each behind those that it refers to; otherwise, and where they refer to each other, as they come. */
export function parentsFirst(tables: readonly Table[]): Table[] {
  const ordered: Table[] = [];
  const seen = new Set<Table>();
  const visit = (table: Table) => {
    if (seen.has(table)) return;
    seen.add(table);
    for (const { parent } of referencesOf(table, tables)) {
      const found = tables.find(({ name }) => name === parent);
      if (found) visit(found);
    }
    ordered.push(table);
  };
  tables.forEach(visit);
  return ordered;
}
