import type { ColumnProfile } from "./column_profile.ts";
import type { ColumnValues } from "./column_values.ts";
import { tuplesOf } from "./composite_references.ts";
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
  { alias, key, from, column, asOf, reference: { also = [] } }: Join,
  { columnOf, valuesOf }: Columns,
): Int32Array | undefined {
  const pairs = [{ column, key }, ...also].flatMap((pair) => {
    const [referring, keys] = [columnOf(from, pair.column), columnOf(alias, pair.key)];
    return referring && keys ? [{ own: valuesOf(from, referring), keys: keys.values }] : [];
  });
  if (pairs.length <= also.length) return undefined;
  const isText = pairs.length > 1 || pairs[0].own.is === "texts" || pairs[0].keys.is === "texts";
  const keysIn = (columns: readonly ColumnValues[]): readonly (string | number | undefined)[] =>
    isText ? tuplesOf(columns) : Array.from(numbersOf(columns[0]));
  const ownKeys = keysIn(pairs.map(({ own }) => own));
  const keys = keysIn(pairs.map((pair) => pair.keys));
  const rowsOfKey = Map.groupBy(keys.keys(), (row) => keys[row]);
  const [known, times] = asOf
    ? [columnOf(alias, asOf.knownAt), columnOf(from, asOf.time)].map((column) =>
      column && numbersOf(column.values)
    )
    : [];
  const newestRow = (rows: readonly number[], row: number) =>
    known && times
      ? rows.reduce(
        (newest, other) =>
          known[other] <= times[row] && !(newest >= 0 && known[newest] > known[other]) ? other : newest,
        -1,
      )
      : rows[rows.length - 1];
  return Int32Array.from(ownKeys.keys(), (row) => {
    const key = ownKeys[row];
    const rows = key === undefined ? undefined : rowsOfKey.get(key);
    return rows ? newestRow(rows, row) : -1;
  });
}

function numbersOf(values: ColumnValues): Float64Array {
  return values.is === "numbers" ? values.numbers : new Float64Array();
}

function gathered(values: ColumnValues, rows: Int32Array): ColumnValues {
  if (values.is === "texts") {
    return { ...values, codes: rows.map((row) => row < 0 ? -1 : values.codes[row]) };
  }
  return { is: "numbers", numbers: Float64Array.from(rows, (row) => row < 0 ? NaN : values.numbers[row]) };
}
