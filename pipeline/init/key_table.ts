import type { ColumnProfile, TableProfile } from "./profile.ts";

/** What the search for joins sees of a table. */
export interface KeyTable {
  readonly name: string;
  readonly rowCount: number;
  /** Whether all rows were looked at; otherwise more keys have to be read from the file. */
  readonly isComplete: boolean;
  /** Columns that may be keys or refer to one: integers and texts. */
  readonly columns: readonly KeyColumn[];
}

export interface KeyColumn {
  readonly name: string;
  /** Rows looked at. */
  readonly rowCount: number;
  readonly nullCount: number;
  /** Whether no value is known to occur in two rows that differ. */
  isUnique(): boolean;
  /** Number of distinct values in the rows looked at. */
  readonly valueCount: number;
  /** These values, as texts. */
  values(): ReadonlySet<string>;
  /** A few of them. */
  someValues(): readonly string[];
}

/** Returns whether each row has a value that no other row is known to have. */
export function isKey(column: KeyColumn): boolean {
  return column.rowCount > 0 && column.nullCount === 0 && column.isUnique();
}

export function common(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  return new Set(a).intersection(b);
}

/** Longer texts identify nothing. */
const keyLengthMax = 256;
const someCount = 64;

/** Returns what the search for joins sees of a file: its integers and short texts. */
export function keyTableOf({ name, rowCount, rowsLookedAt, columns }: TableProfile): KeyTable {
  const isKeyKind = ({ kind, length }: ColumnProfile) =>
    kind === "integer" || (kind === "text" && (length?.max ?? Infinity) <= keyLengthMax);
  return {
    name,
    rowCount,
    isComplete: rowsLookedAt === rowCount,
    columns: columns.filter(isKeyKind).map((column) => {
      const isWhole = rowsLookedAt === rowCount;
      return keyColumnOf(column, () => column.isUnique || (isWhole && onlyRepeats(column, columns)));
    }),
  };
}

function keyColumnOf(
  { name, rows, nulls, distinct, values }: ColumnProfile,
  isUnique: () => boolean,
): KeyColumn {
  let all: ReadonlySet<string> | undefined;
  let some: readonly string[] | undefined;
  let unique: boolean | undefined;
  return {
    name,
    rowCount: rows,
    nullCount: nulls,
    isUnique: () => unique ??= isUnique(),
    valueCount: distinct,
    values: () => all ??= valuesOf(values),
    someValues: () => some ??= [...valuesOf(values, 4 * someCount)].slice(0, someCount),
  };
}

/** Returns the distinct values among the first rows, as texts. */
function valuesOf(values: ColumnProfile["values"], rowsMax = Infinity): Set<string> {
  if (values.is === "texts") {
    const { texts, codes } = values;
    const used = new Uint8Array(texts.length);
    for (const code of codes.subarray(0, Math.min(rowsMax, codes.length))) if (code >= 0) used[code] = 1;
    return new Set(texts.filter((_, code) => used[code] === 1));
  }
  const numbers = values.numbers.subarray(0, Math.min(rowsMax, values.numbers.length));
  // Distinct numbers first: making texts of them takes longer.
  return new Set(Array.from(new Set(numbers), String).filter((text) => text !== "NaN"));
}

/** A table whose rows repeat others more often is no table of things. */
const distinctShareMin = 0.5;

/** Returns whether rows that share a value of a column are equal: loading such rows leaves one of them. */
function onlyRepeats(column: ColumnProfile, columns: readonly ColumnProfile[]): boolean {
  if (column.nulls > 0 || column.distinct < distinctShareMin * column.rows) return false;
  const valueAt = ({ values }: ColumnProfile, row: number) =>
    values.is === "texts" ? values.codes[row] : values.numbers[row];
  const first = new Map<number, number>();
  for (let row = 0; row < column.rows; row++) {
    const value = valueAt(column, row);
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, row);
    else if (!columns.every((other) => Object.is(valueAt(other, row), valueAt(other, earlier)))) return false;
  }
  return true;
}
