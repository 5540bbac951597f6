import { findLeaks } from "../../pipeline/examples/leaks/find_leaks.ts";
import type { LeakColumn, LeakRows } from "../../pipeline/examples/leaks/leak_rows.ts";
import type { LeakWarning } from "../../pipeline/examples/leaks/leak_warning.ts";
import type { Cell, MadeTable } from "./made_tables.ts";

/** Codes values in the order of their first occurrence; null is 0. */
function coded(cells: readonly Cell[]): { codes: number[]; levels: (string | null)[] } {
  const codeOf = new Map<Cell, number>([[null, 0]]);
  const codes = cells.map((cell) => codeOf.getOrInsertComputed(cell, () => codeOf.size));
  return { codes, levels: [...codeOf.keys()].map((cell) => cell === null ? null : String(cell)) };
}

/** Returns a table as the detector takes it. */
export function leakInputOf({ columns, labels, groups, times, weights }: MadeTable): {
  readonly columns: readonly LeakColumn[];
  readonly rows: LeakRows;
} {
  const all = Object.entries(columns).map(([name, cells]) => {
    if (cells.some((cell) => typeof cell === "string")) {
      const { codes, levels } = coded(cells);
      return { column: { name, kind: "category", levels } satisfies LeakColumn, values: { values: codes } };
    }
    const values = Float64Array.from(cells, (cell) => cell === null ? NaN : Number(cell));
    return { column: { name, kind: "number" } satisfies LeakColumn, values: { values } };
  });
  const rows = {
    rowCount: labels.length,
    columns: all.map(({ values }) => values),
    labels,
    groups: coded(groups).codes,
    ...(times ? { times } : {}),
    ...(weights ? { weights } : {}),
  };
  return { columns: all.map(({ column }) => column), rows };
}

export function leaksOf(table: MadeTable): LeakWarning[] {
  const { columns, rows } = leakInputOf(table);
  return findLeaks({ columns, rowCount: rows.rowCount, walk: () => [rows] });
}
