import type { ColumnProfile, TableProfile } from "./profile.ts";
import { once } from "../once.ts";

/** What the search for joins sees of a table. */
export interface KeyTable {
  readonly name: string;
  readonly rowCount: number;
  /** Whether all rows were looked at; otherwise more keys have to be read from the file. */
  readonly isComplete: boolean;
  /** The column of the time from which on each row was known, if the table has one: it has a row for each change. */
  readonly knownAt: string | undefined;
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
  /** Whether no two rows have the same value and the same time from which on they were known. */
  isUniqueByTime(): boolean;
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

/** Returns whether rows of other tables can refer to a column: by its values, or by its values and a time. */
export function isReferable(table: KeyTable, column: KeyColumn): boolean {
  return isKey(column) || (table.knownAt !== undefined && column.isUniqueByTime());
}

export function common(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  return new Set(a).intersection(b);
}

/** Longer texts identify nothing. */
const keyLengthMax = 256;
const someCount = 64;
/** The name of the time from which on a row was known. */
const isKnownAt = /^known_at$/i;

/** Returns what the search for joins sees of a file: its integers and short texts. */
export function keyTableOf({ name, rowCount, rowsLookedAt, columns }: TableProfile): KeyTable {
  const known = columns.find(({ name, kind, nulls }) =>
    isKnownAt.test(name) && (kind === "time" || kind === "date") && nulls === 0
  );
  const isKeyKind = ({ kind, length }: ColumnProfile) =>
    kind === "integer" || (kind === "text" && (length?.max ?? Infinity) <= keyLengthMax);
  return {
    name,
    rowCount,
    isComplete: rowsLookedAt === rowCount,
    knownAt: known?.name,
    columns: columns.filter(isKeyKind).map((column) => {
      const isWhole = rowsLookedAt === rowCount;
      return {
        ...keyColumnOf(column),
        isUnique: once(() => column.isUnique || (isWhole && onlyRepeats(column, columns))),
        isUniqueByTime: once(() => known !== undefined && isUniqueTogether(column, known)),
      };
    }),
  };
}

function keyColumnOf({ name, rows, nulls, distinct, values }: ColumnProfile) {
  return {
    name,
    rowCount: rows,
    nullCount: nulls,
    valueCount: distinct,
    values: once(() => valuesOf(values)),
    someValues: once(() => [...valuesOf(values, 4 * someCount)].slice(0, someCount)),
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
  const first = new Map<number, number>();
  for (let row = 0; row < column.rows; row++) {
    const value = valueAt(column, row);
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, row);
    else if (!columns.every((other) => Object.is(valueAt(other, row), valueAt(other, earlier)))) return false;
  }
  return true;
}

/** A number for the value of a row: equal for equal values of a column. */
function valueAt({ values }: ColumnProfile, row: number): number {
  return values.is === "texts" ? values.codes[row] : values.numbers[row];
}

/** Returns whether no two rows have the same values in both columns, and each row has both. */
function isUniqueTogether(a: ColumnProfile, b: ColumnProfile): boolean {
  if (a.nulls > 0 || b.nulls > 0) return false;
  const seen = new Set<string>();
  for (let row = 0; row < a.rows; row++) seen.add(`${valueAt(a, row)} ${valueAt(b, row)}`);
  return seen.size === a.rows;
}
