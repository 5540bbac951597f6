import type { ColumnProfile } from "./column_profile.ts";

/** The rows of a table: how many, and how many of them were looked at. */
export interface TableRows {
  readonly rowCount: number;
  readonly rowsLookedAt: number;
}

/**
 * Estimates the number of distinct values in the whole file.
 *
 * @see Chao, Nonparametric Estimation of the Number of Classes in a Population (1984).
 */
export function levelCount({ distinct, singles, pairs }: ColumnProfile, rows: TableRows): number {
  if (rows.rowsLookedAt >= rows.rowCount) return distinct;
  const unseen = pairs > 0 ? singles ** 2 / (2 * pairs) : (singles * (singles - 1)) / 2;
  return Math.min(rows.rowCount, Math.round(distinct + unseen));
}

/** Estimates the number of rows of the whole file for each distinct value. */
export function rowsPerLevel(column: ColumnProfile, rows: TableRows): number {
  const present = column.rows === 0 ? 0 : (column.rows - column.nulls) / column.rows;
  return (present * rows.rowCount) / Math.max(1, levelCount(column, rows));
}

/** Scales of answers, lowest first. */
const scales: readonly (readonly string[])[] = [
  ["none", "very low", "low", "medium", "high", "very high"],
  ["none", "low", "moderate", "high", "critical"],
  ["very poor", "poor", "fair", "average", "good", "very good", "excellent"],
  ["bad", "poor", "fair", "good", "great", "excellent"],
  ["xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl"],
  ["tiny", "small", "medium", "large", "huge"],
  ["never", "rarely", "sometimes", "often", "usually", "always"],
  ["strongly disagree", "disagree", "neutral", "agree", "strongly agree"],
  ["very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"],
  ["daily", "weekly", "monthly", "quarterly", "yearly"],
  ["bronze", "silver", "gold", "platinum", "diamond"],
  ["sehr niedrig", "niedrig", "mittel", "hoch", "sehr hoch"],
  ["sehr klein", "klein", "mittel", "groß", "sehr groß"],
  ["nie", "selten", "manchmal", "oft", "immer"],
];
const ordinalLevelsMin = 3;
const ordinalLevelsMax = 30;

/**
 * Returns the levels of a column in their order, lowest first.
 *
 * @param levels All levels.
 * @returns undefined if the levels are on no known scale, and are not ranges of numbers such as 18-24.
 */
export function orderedLevels(levels: readonly string[]): readonly string[] | undefined {
  if (levels.length < ordinalLevelsMin || levels.length > ordinalLevelsMax) return undefined;
  const folded = levels.map((level) => level.trim().toLowerCase().replace(/[_-]/g, " "));
  const scale = scales.find((scale) => folded.every((level) => scale.includes(level)));
  if (scale) return sortedBy(levels, (_, i) => scale.indexOf(folded[i]));
  const starts = levels.map(rangeStart);
  const isRanges = starts.every((start) => start !== undefined) && new Set(starts).size === starts.length &&
    levels.some((level) => /\d\s*(-|–|to|bis)\s*\d/i.test(level));
  return isRanges ? sortedBy(levels, (_, i) => starts[i] ?? 0) : undefined;
}

function sortedBy(levels: readonly string[], placeOf: (level: string, i: number) => number): string[] {
  return levels.map((level, i) => ({ level, place: placeOf(level, i) }))
    .sort((a, b) => a.place - b.place).map(({ level }) => level);
}

/** Returns the lower end of a range: 18 of "18-24", 65 of "65+", and less than 18 of "< 18". */
function rangeStart(level: string): number | undefined {
  const range =
    /^(<|under |below |unter |bis )?\s*[^\d\s<>]{0,3}\s*(\d[\d,. ]*)\s*(?:(?:-|–|to|bis)\s*[^\d\s]{0,3}\s*\d[\d,. ]*|\+|and over|and more)?\s*[^\d\s]{0,8}$/i
      .exec(level.trim());
  const number = Number(range?.[2].replace(/[,. ]/g, ""));
  if (!range || !Number.isFinite(number)) return undefined;
  return range[1] === undefined ? number : number - 0.5;
}
