import type { ColumnProfile } from "./column_profile.ts";
import { isIdName, isPersonName } from "./names.ts";
import { levelCount, rowsPerLevel, type TableRows } from "./levels.ts";

/**
 * Finds the column that identifies the rows of a table: of integers or texts without a repetition, in which no value is missing, and
 * that is named or placed like a key.
 *
 * @returns undefined if there is none.
 */
export function keyOf(columns: readonly ColumnProfile[]): ColumnProfile | undefined {
  const candidates = columns.filter(mayBeKey);
  return candidates.find(({ name }) => isIdName(name)) ??
    candidates.find((column) => column === columns[0] && isLikeKey(column));
}

/** Returns whether the values of a column could identify rows. */
export function mayBeKey({ kind, isUnique, nulls }: ColumnProfile): boolean {
  return (kind === "integer" || kind === "text") && isUnique && nulls === 0;
}

/** Returns whether values look like those of a key: consecutive integers, or short texts of one word. */
function isLikeKey({ range, length, rows }: ColumnProfile): boolean {
  if (range) return range.max - range.min < 2 * rows;
  return length !== undefined && length.words <= 1 && length.max <= 64;
}

const rowNumber = "row_number";

/** Returns a name for the row number that no column has. */
export function rowNumberName(names: readonly string[]): string {
  const taken = new Set(names.map((name) => name.toLowerCase()));
  if (!taken.has(rowNumber)) return rowNumber;
  for (let i = 2;; i++) if (!taken.has(`${rowNumber}_${i}`)) return `${rowNumber}_${i}`;
}

const groupsMin = 20;
/** Values with more rows each are categories, such as a lender, rather than one person's rows. */
const groupRowsMax = 100;

/**
 * Finds the column whose rows belong together: of an identifier or a person, with several rows each.
 *
 * @returns undefined if there is none: every row is then a group.
 */
export function groupOf(
  columns: readonly ColumnProfile[],
  rows: TableRows,
  isTaken: (name: string) => boolean,
): ColumnProfile | undefined {
  const candidates = columns.filter((column) => !isTaken(column.name) && mayBeGroup(column, rows));
  return candidates.find(({ name }) => isPersonName(name)) ?? candidates[0];
}

function mayBeGroup(column: ColumnProfile, rows: TableRows): boolean {
  return (isIdName(column.name) || isPersonName(column.name)) && hasGroups(column, rows);
}

/** Returns whether the values of a column look like those of groups, whatever its name. */
export function hasGroups(column: ColumnProfile, rows: TableRows): boolean {
  const { kind, nulls, isUnique, length } = column;
  if ((kind !== "integer" && kind !== "text") || nulls > 0 || isUnique) return false;
  if (length !== undefined && length.words > 2) return false;
  return levelCount(column, rows) >= groupsMin && rowsPerLevel(column, rows) <= groupRowsMax;
}
