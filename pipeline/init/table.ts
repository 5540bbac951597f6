import type { ColumnProfile } from "./column_profile.ts";
import { keyOf, rowNumberName } from "./key.ts";
import { isTime, typeOf } from "./parquet_sample.ts";
import type { TableProfile } from "./profile.ts";
import type { ProposedColumn, ProposedTable } from "./proposal.ts";

/** The unit by which a column of a schema is recognised as a time. */
export const timeUnit = "microseconds since 1970-01-01T00:00:00Z";

/** Proposes a table for a file: the types of its columns, and its key or a row number. */
export function tableOf(profile: TableProfile, key = keyOf(profile.columns)): ProposedTable {
  const { name, path } = profile;
  const columns = profile.columns.map((column) => columnOf(column, column === key));
  if (key) return { name, paths: [path], columns, key: [key.name], isNumbered: false };
  const number = rowNumberName(profile.columns.map((column) => column.name));
  const numbered: ProposedColumn = {
    name: number,
    type: "INTEGER",
    comment: "the number of the row, given by the store",
    isRequired: false,
  };
  return { name, paths: [path], columns: [numbered, ...columns], key: [number], isNumbered: true };
}

/** Proposes a table with a key of several columns, which come first. */
export function keyedTable(profile: TableProfile, key: readonly string[]): ProposedTable {
  const isKey = ({ name }: ColumnProfile) => key.includes(name);
  const inKey = key.flatMap((name) => profile.columns.filter((column) => column.name === name));
  const columns = [
    ...inKey.map((column) => ({ ...columnOf(column, false), isRequired: true })),
    ...profile.columns.filter((column) => !isKey(column)).map((column) => columnOf(column, false)),
  ];
  return { name: profile.name, paths: [profile.path], columns, key, isNumbered: false };
}

/** More columns than these are no key. */
const keyColumnsMax = 4;

/**
 * Proposes a table whose rows are outcomes, such as clicks, which are found by one of its columns.
 *
 * The key is made of all columns, if they are few: a row that repeats another one changes no label.
 */
export function labelTableFor(profile: TableProfile, column: string): ProposedTable {
  const isKey = profile.columns.length <= keyColumnsMax && profile.columns.every(({ nulls }) => nulls === 0);
  if (isKey) {
    const rest = profile.columns.map(({ name }) => name).filter((name) => name !== column);
    return keyedTable(profile, [column, ...rest]);
  }
  const table = tableOf(profile);
  return table.key[0] === column ? table : { ...table, indexes: [column] };
}

function columnOf(column: ColumnProfile, isKey: boolean): ProposedColumn {
  const { name, kind, range } = column;
  // The store takes an INTEGER whose name ends in _at for a time.
  const isNoTime = !isTime(kind) && /_at$/.test(name) && typeOf(kind) === "INTEGER";
  const type = isNoTime ? "REAL" : typeOf(kind);
  // SQLite has no integer beyond these.
  const isWide = range !== undefined && type === "INTEGER" && !Number.isSafeInteger(range.max);
  return {
    name,
    type: isWide ? "REAL" : type,
    comment: isKey ? "the key" : commentOf(column),
    isRequired: isKey,
  };
}

function commentOf({ kind, distinct, isUnique, range }: ColumnProfile): string {
  const values = isUnique
    ? "no value twice"
    : `${distinct.toLocaleString("en")} ${distinct === 1 ? "value" : "values"}`;
  switch (kind) {
    case "time":
      return `a time, ${timeUnit}`;
    case "date":
      return `a date, ${timeUnit}`;
    case "integer":
    case "real":
      return range ? `${range.min} to ${range.max}` : values;
    case "boolean":
      return "0 or 1";
    case "text":
      return `text, ${values}`;
    case "empty":
      return "no value";
  }
}
