import { common, isKey, type KeyColumn, type KeyTable } from "./key_table.ts";
import { isIdName, wordsOf } from "./names.ts";
import { type CompareNames, isGenericKey } from "./reference_names.ts";

/** Columns that seem to refer to each other, and why they are not joined. */
export interface NearMiss {
  readonly tables: readonly [string, string];
  readonly text: string;
}

/** Finds columns that would join tables if they were keys. */
export function missedKeys(tables: readonly KeyTable[], compare: CompareNames): NearMiss[] {
  return [...nearKeys(tables, compare), ...repeatedKeys(tables)];
}

/** Share of distinct values from which a column is nearly a key. */
const nearKeyShareMin = 0.5;

/** Finds columns that would be keys if some rows did not share a value, and to which a column of another table refers by name. */
function nearKeys(tables: readonly KeyTable[], compare: CompareNames): NearMiss[] {
  const isNear = (key: KeyColumn) =>
    !isKey(key) && isIdName(key.name) && key.valueCount >= nearKeyShareMin * key.rowCount;
  return tables.flatMap((parent) =>
    parent.columns.filter(isNear).flatMap((key) =>
      tables.filter((table) => table !== parent).flatMap((table) =>
        table.columns.flatMap((column): NearMiss[] => {
          const evidence = compare(
            { table: table.name, column: column.name },
            { table: parent.name, column: key.name },
          );
          if (evidence?.strength !== 2 || common(column.values(), key.values()).size === 0) return [];
          const text =
            `${table.name}.${column.name} ${evidence.words}, but ${parent.name}.${key.name} has a value in several rows that differ, or in ` +
            "some rows none: keep one row per value";
          return [{ tables: [table.name, parent.name], text }];
        })
      )
    )
  );
}

/** Finds columns of the same name that are a key of neither table: a join by them would multiply rows. */
function repeatedKeys(tables: readonly KeyTable[]): NearMiss[] {
  const byName = tables.map(({ name, columns, knownAt }) => {
    const named = columns.filter((column) => !isKey(column) && !isGenericKey(column.name));
    return {
      name,
      knownAt,
      columns: new Map(named.map((column) => [wordsOf(column.name).join("_"), column])),
    };
  });
  return byName.flatMap((table, i) =>
    byName.slice(i + 1).flatMap((other) =>
      [...table.columns].flatMap(([words, column]): NearMiss[] => {
        const key = other.columns.get(words);
        if (!key || common(column.values(), key.values()).size === 0) return [];
        const names = `${table.name}.${column.name} and ${other.name}.${key.name}`;
        const knownAt = table.knownAt ?? other.knownAt;
        const same = knownAt === undefined ? "" : ` of the same ${knownAt}`;
        const text =
          `${names} have values in common, but some of them in several rows${same} each, so a join would multiply rows`;
        return [{ tables: [table.name, other.name], text }];
      })
    )
  );
}
