import type { LeakSample, LevelTotals } from "./leak_sample.ts";
import type { SampledRows } from "./sampled_rows.ts";

/** A column by whose values rows belong together, or the group. */
export interface Key {
  /** Index of its column; absent for the group. */
  readonly column?: number;
  readonly name: string;
  /** Keys of the rows from 0 on. */
  readonly count: number;
  /** Rows by key, in the order of the table. Rows without a key are left out. */
  readonly rows: Uint32Array;
  /** First of each key's rows in `rows`, shape (count + 1). */
  readonly starts: Uint32Array;
  /** Returns rows and clicks per key in the whole table; absent if they are not known. */
  readonly totals?: () => LevelTotals;
}

/** Categories and numbers that are looked at as keys; fewer of many columns, each of which is compared with each key. */
const categoriesMax = 7;
const numbersMax = 4;
const comparedMax = 600;
/** Keys per row, at most: of more, hardly any has several rows. */
const keyShareMax = 0.85;
/** Distinct values of a number from which it may be a key. */
const distinctMin = 4;

/** Returns the keys of which several rows are in the sample: the group, the first categories and whole numbers. */
export function keysOf(sample: LeakSample): Key[] {
  const { columns, rows, hasWholeGroups } = sample;
  const named = (kind: "category" | "number", isKey: (c: number) => boolean, max: number) =>
    [...columns.keys()].filter((c) => columns[c].kind === kind && isKey(c)).slice(0, max);
  const most = Math.max(1, Math.floor(comparedMax / columns.length));
  const group = rows.groups ? [sorted("the group", rows.groups, rows.groupCount)] : [];
  const categories = named("category", (c) => columns[c].levels !== undefined, Math.min(categoriesMax, most));
  const numbers = named("number", (c) => isWhole(rows.columns[c]), Math.min(numbersMax, most));
  return [
    ...group.map((key) => hasWholeGroups ? { ...key, totals: () => countKeys(key, rows) } : key),
    ...categories.map((c) => categoryKey(sample, c)),
    ...numbers.map((c) => numberKey(sample, c)),
  ].filter((key) => usedKeys(key) <= keyShareMax * rows.rowCount && usedKeys(key) >= distinctMin);
}

function categoryKey(sample: LeakSample, c: number): Key {
  const { name, levels = [] } = sample.columns[c];
  // Code 0 is missing.
  const codes = Uint32Array.from(sample.rows.columns[c], (code) => code - 1);
  return {
    column: c,
    ...sorted(name, codes, levels.length - 1),
    totals: once(() => {
      const { rows, clicks } = sample.totalsOf(c);
      return { rows: rows.subarray(1), clicks: clicks.subarray(1) };
    }),
  };
}

function numberKey(sample: LeakSample, c: number): Key {
  const codeOf = new Map<number, number>();
  const codes = Uint32Array.from(
    sample.rows.columns[c],
    (value) => value === value ? codeOf.getOrInsertComputed(value, () => codeOf.size) : noKey,
  );
  return {
    column: c,
    ...sorted(sample.columns[c].name, codes, codeOf.size),
    totals: once(() => sample.totalsOfNumbers(c, codeOf)),
  };
}

const noKey = 2 ** 32 - 1;

function once<T>(compute: () => T): () => T {
  let value: { readonly known: T } | undefined;
  return () => (value ??= { known: compute() }).known;
}

function isWhole(values: Float64Array): boolean {
  return values.every((value) => value !== value || Number.isInteger(value));
}

/** Sorts rows by their key. @param codes Those from `count` on are no keys. */
function sorted(name: string, codes: Uint32Array, count: number): Key {
  const starts = new Uint32Array(count + 1);
  for (const code of codes) if (code < count) starts[code + 1]++;
  for (let key = 0; key < count; key++) starts[key + 1] += starts[key];
  const next = starts.slice(0, count);
  const rows = new Uint32Array(starts[count]);
  codes.forEach((code, row) => {
    if (code < count) rows[next[code]++] = row;
  });
  return { name, count, rows, starts };
}

function usedKeys({ starts, count }: Key): number {
  let used = 0;
  for (let key = 0; key < count; key++) if (starts[key + 1] > starts[key]) used++;
  return used;
}

function countKeys({ rows, starts, count }: Key, { labels, weights }: SampledRows): LevelTotals {
  const totals = { rows: new Float64Array(count), clicks: new Float64Array(count) };
  for (let key = 0; key < count; key++) {
    for (let at = starts[key]; at < starts[key + 1]; at++) {
      totals.rows[key] += weights[rows[at]];
      totals.clicks[key] += weights[rows[at]] * labels[rows[at]];
    }
  }
  return totals;
}
