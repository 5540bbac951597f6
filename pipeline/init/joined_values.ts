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
  { alias, key, from, column, asOf }: Join,
  { columnOf, valuesOf }: Columns,
): Int32Array | undefined {
  const [referring, keys] = [columnOf(from, column), columnOf(alias, key)?.values];
  if (!referring || !keys) return undefined;
  const own = valuesOf(from, referring);
  const isText = own.is === "texts" || keys.is === "texts";
  const keyAt = (values: ColumnValues, row: number) => {
    const value = values.is === "texts" ? values.texts[values.codes[row]] : values.numbers[row];
    return isText && typeof value === "number" ? String(value) : value;
  };
  const rowsOfKey = Map.groupBy(new Array(lengthOf(keys)).keys(), (row) => keyAt(keys, row));
  const [known, times] = asOf
    ? [numbersOf(columnOf(alias, asOf.knownAt)), numbersOf(columnOf(from, asOf.time))]
    : [];
  const newestRow = (rows: readonly number[], row: number) =>
    known && times
      ? rows.reduce(
        (newest, other) =>
          known[other] <= times[row] && !(newest >= 0 && known[newest] > known[other]) ? other : newest,
        -1,
      )
      : rows[rows.length - 1];
  return Int32Array.from({ length: lengthOf(own) }, (_, row) => {
    const rows = rowsOfKey.get(keyAt(own, row));
    return rows ? newestRow(rows, row) : -1;
  });
}

function lengthOf(values: ColumnValues): number {
  return values.is === "texts" ? values.codes.length : values.numbers.length;
}

function numbersOf(column: ColumnProfile | undefined): Float64Array | undefined {
  return column?.values.is === "numbers" ? column.values.numbers : undefined;
}

function gathered(values: ColumnValues, rows: Int32Array): ColumnValues {
  if (values.is === "texts") {
    return { ...values, codes: rows.map((row) => row < 0 ? -1 : values.codes[row]) };
  }
  return { is: "numbers", numbers: Float64Array.from(rows, (row) => row < 0 ? NaN : values.numbers[row]) };
}
