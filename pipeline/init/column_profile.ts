import { isoTime } from "../files/columns/iso_time.ts";
import { shortestText } from "../files/text/number_text.ts";
import type { ColumnValues } from "./column_values.ts";

/** What the values of a column are. A date is a time at midnight UTC; an empty column has no value. */
export type ColumnKind = "integer" | "real" | "boolean" | "time" | "date" | "text" | "empty";

/** A column of a file, as far as it was looked at. Counts are of the rows looked at. */
export interface ColumnProfile {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly rows: number;
  readonly nulls: number;
  /** Number of distinct values. */
  readonly distinct: number;
  /** Number of values that occur once, and twice. */
  readonly singles: number;
  readonly pairs: number;
  /** Whether there are values, and none occurs twice. */
  readonly isUnique: boolean;
  /** Whether no value is below the one before it. */
  readonly isSorted: boolean;
  /** Absent for texts. */
  readonly range: NumberRange | undefined;
  /** The most frequent values, most frequent first. */
  readonly levels: readonly LevelCount[];
  /** Absent for numbers. */
  readonly length: TextLength | undefined;
  readonly values: ColumnValues;
}

export interface NumberRange {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly mean: number;
}

export interface LevelCount {
  readonly level: string;
  readonly count: number;
}

export interface TextLength {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Mean number of words. */
  readonly words: number;
}

const levelsMax = 64;

/** @param values Numbers for a kind of numbers or times, unless they are integers beyond 2^53. */
export function profileColumn(name: string, kind: ColumnKind, values: ColumnValues): ColumnProfile {
  return values.is === "numbers"
    ? profileNumbers(name, kind, values.numbers)
    : profileTexts(name, kind, values);
}

function profileNumbers(name: string, kind: ColumnKind, numbers: Float64Array): ColumnProfile {
  // NaN, a missing value, is sorted to the end.
  const sorted = numbers.toSorted();
  let present = sorted.length;
  while (present > 0 && sorted[present - 1] !== sorted[present - 1]) present--;
  const counted = countRuns(sorted.subarray(0, present));
  const sum = sorted.subarray(0, present).reduce((sum, value) => sum + value, 0);
  return {
    name,
    kind: present === 0 ? "empty" : kind,
    rows: numbers.length,
    nulls: numbers.length - present,
    ...counted.counts,
    isUnique: present > 0 && counted.counts.distinct === present,
    isSorted: isAscending(numbers),
    range: present === 0 ? undefined : {
      min: sorted[0],
      median: sorted[present >> 1],
      max: sorted[present - 1],
      mean: sum / present,
    },
    levels: counted.levels.map(({ value, count }) => ({ level: levelText(kind, value), count })),
    length: undefined,
    values: { is: "numbers", numbers },
  };
}

function levelText(kind: ColumnKind, value: number): string {
  return kind === "time" || kind === "date" ? isoTime(value) : shortestText(value);
}

interface Counts {
  distinct: number;
  singles: number;
  pairs: number;
}

/** Counts equal values of a sorted array. */
function countRuns(
  sorted: Float64Array,
): { counts: Counts; levels: { value: number; count: number }[] } {
  const counts: Counts = { distinct: 0, singles: 0, pairs: 0 };
  let levels: { value: number; count: number }[] = [];
  // Rarer values are not among the most frequent ones.
  let countMin = 0;
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    while (end < sorted.length && sorted[end] === sorted[start]) end++;
    const count = end - start;
    add(counts, count);
    if (count <= countMin) continue;
    levels.push({ value: sorted[start], count });
    if (levels.length < 64 * levelsMax) continue;
    levels = mostFrequent(levels);
    countMin = levels[levelsMax - 1].count;
  }
  return { counts, levels: mostFrequent(levels) };
}

function add(counts: Counts, count: number): void {
  counts.distinct++;
  if (count === 1) counts.singles++;
  if (count === 2) counts.pairs++;
}

function mostFrequent<L extends { readonly count: number }>(levels: readonly L[]): L[] {
  return levels.toSorted((a, b) => b.count - a.count).slice(0, levelsMax);
}

function isAscending(numbers: Float64Array): boolean {
  let last = -Infinity;
  for (const value of numbers) {
    if (value < last) return false;
    if (value === value) last = value;
  }
  return true;
}

function profileTexts(
  name: string,
  kind: ColumnKind,
  values: ColumnValues & { is: "texts" },
): ColumnProfile {
  const { texts, codes } = values;
  const countOf = new Uint32Array(texts.length);
  let nulls = 0;
  for (const code of codes) {
    if (code < 0) nulls++;
    else countOf[code]++;
  }
  const counts: Counts = { distinct: 0, singles: 0, pairs: 0 };
  for (const count of countOf) if (count > 0) add(counts, count);
  const present = codes.length - nulls;
  const frequent = mostFrequent(Array.from(countOf, (count, code) => ({ code, count })));
  return {
    name,
    kind: present === 0 ? "empty" : kind,
    rows: codes.length,
    nulls,
    ...counts,
    isUnique: present > 0 && counts.distinct === present,
    isSorted: isTextAscending(values),
    range: undefined,
    levels: frequent.flatMap(({ code, count }) => count > 0 ? [{ level: texts[code], count }] : []),
    length: present === 0 ? undefined : lengthOf(texts, countOf, present),
    values,
  };
}

function isTextAscending({ texts, codes }: ColumnValues & { is: "texts" }): boolean {
  let last = "";
  for (const code of codes) {
    if (code < 0) continue;
    if (texts[code] < last) return false;
    last = texts[code];
  }
  return true;
}

function lengthOf(texts: readonly string[], countOf: Uint32Array, present: number): TextLength {
  let [min, max, sum, words] = [Infinity, 0, 0, 0];
  for (let code = 0; code < texts.length; code++) {
    if (countOf[code] === 0) continue;
    const { length } = texts[code];
    if (length < min) min = length;
    if (length > max) max = length;
    sum += countOf[code] * length;
    words += countOf[code] * wordCount(texts[code]);
  }
  return { min, max, mean: sum / present, words: words / present };
}

/** Counts what spaces separate. */
function wordCount(text: string): number {
  let [count, isInWord] = [0, false];
  for (let i = 0; i < text.length; i++) {
    const isSpace = text.charCodeAt(i) <= 0x20;
    if (!isSpace && !isInWord) count++;
    isInWord = !isSpace;
  }
  return count;
}
