import type { ColumnProfile } from "./column_profile.ts";
import type { ColumnValues } from "./column_values.ts";
import type { Join, JoinTree } from "./join_tree.ts";
import type { TableProfile } from "./profile.ts";

/**
 * Returns a function that gives the values of a joined column in the rows of the examples that were looked at. A row whose parent
 * does not exist, or was not looked at, has no value.
 */
export function joinedValues(
  { root, joins }: JoinTree,
  profiles: readonly TableProfile[],
): (alias: string, column: ColumnProfile) => ColumnValues {
  const rowsOf = new Map<string, Int32Array>();
  const columnOf = (alias: string, name: string) => {
    const table = joins.find((join) => join.alias === alias)?.table ?? root;
    return profiles.find((profile) => profile.name === table)?.columns.find((column) => column.name === name);
  };
  const valuesOf = (alias: string, column: ColumnProfile) => {
    const rows = rowsOf.get(alias);
    return rows ? gathered(column.values, rows) : column.values;
  };
  for (const join of joins) {
    const rows = parentRows(join, { columnOf, valuesOf });
    if (rows) rowsOf.set(join.alias, rows);
  }
  return valuesOf;
}

interface Columns {
  columnOf(alias: string, name: string): ColumnProfile | undefined;
  valuesOf(alias: string, column: ColumnProfile): ColumnValues;
}

/** Returns the row of the parent for each row of the examples, −1 if there is none. */
function parentRows(
  { alias, key, from, column }: Join,
  { columnOf, valuesOf }: Columns,
): Int32Array | undefined {
  const [referring, keys] = [columnOf(from, column), columnOf(alias, key)?.values];
  if (!referring || !keys) return undefined;
  const rowOfKey = new Map<number | string, number>();
  const own = valuesOf(from, referring);
  const isText = own.is === "texts" || keys.is === "texts";
  const keyAt = (values: ColumnValues, row: number) => {
    const value = values.is === "texts" ? values.texts[values.codes[row]] : values.numbers[row];
    return isText && typeof value === "number" ? String(value) : value;
  };
  const keyCount = keys.is === "texts" ? keys.codes.length : keys.numbers.length;
  for (let row = 0; row < keyCount; row++) rowOfKey.set(keyAt(keys, row), row);
  const rowCount = own.is === "texts" ? own.codes.length : own.numbers.length;
  return Int32Array.from({ length: rowCount }, (_, row) => rowOfKey.get(keyAt(own, row)) ?? -1);
}

function gathered(values: ColumnValues, rows: Int32Array): ColumnValues {
  if (values.is === "texts") {
    return { ...values, codes: rows.map((row) => row < 0 ? -1 : values.codes[row]) };
  }
  return { is: "numbers", numbers: Float64Array.from(rows, (row) => row < 0 ? NaN : values.numbers[row]) };
}
