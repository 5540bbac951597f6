import type { KeyTable } from "../../pipeline/init/key_table.ts";
import type { KeySearch } from "../../pipeline/init/references.ts";

type Values = readonly (string | number | null)[];

/** Returns what the search for joins sees of a table. @param looked Rows looked at; default: all. */
export function keyTableOf(
  name: string,
  columns: Readonly<Record<string, Values>>,
  options: { looked?: number } = {},
): KeyTable {
  const rowCount = Object.values(columns)[0].length;
  const looked = options.looked ?? rowCount;
  return {
    name,
    rowCount,
    isComplete: looked === rowCount,
    knownAt: undefined,
    columns: Object.entries(columns).map(([column, all]) => {
      const values = all.slice(0, looked);
      const distinct = new Set(textsOf(values));
      return {
        name: column,
        rowCount: looked,
        nullCount: values.filter((value) => value === null).length,
        isUnique: () => distinct.size === values.length,
        isUniqueByTime: () => false,
        valueCount: distinct.size,
        values: () => distinct,
        someValues: () => [...distinct].slice(0, 64),
      };
    }),
  };
}

function textsOf(values: Values): string[] {
  return values.filter((value) => value !== null).map(String);
}

/** Looks up keys in all rows, as reading the file does. */
export function searchIn(tables: Readonly<Record<string, Readonly<Record<string, Values>>>>) {
  return (searches: readonly KeySearch[]) =>
    Promise.resolve(searches.map(({ table, column, wanted }) => {
      const values = tables[table][column];
      const keys = textsOf(values).filter((key) => wanted.has(key));
      const repeated = keys.find((key, i) => keys.indexOf(key) !== i);
      return { found: new Set(keys), repeated, nullCount: values.filter((value) => value === null).length };
    }));
}

/** Returns the integers from 1 to `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
