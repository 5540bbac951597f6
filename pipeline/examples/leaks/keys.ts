import type { LeakSample, LevelTotals } from "./leak_sample.ts";

/** A column by whose values rows belong together, or the group. */
export interface Key {
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

/** Keys that are looked at: the group, and the first categories. */
const keysMax = 8;
/** Keys per row, at most: of more, hardly any has several rows. */
const keyShareMax = 0.85;

/** Returns the keys of which several rows are in the sample. */
export function keysOf(sample: LeakSample): Key[] {
  const { columns, rows: { rowCount, groups, groupCount, labels, weights }, hasWholeGroups } = sample;
  const byGroup = groups ? [sorted("the group", groups, groupCount)] : [];
  const group = byGroup.map((key) =>
    hasWholeGroups ? { ...key, totals: () => countKeys(key, labels, weights) } : key
  );
  let left = keysMax - group.length;
  const categories = columns.flatMap(({ kind, levels, name }, c) => {
    if (kind !== "category" || !levels || left-- <= 0) return [];
    // Code 0 is missing.
    const codes = Uint32Array.from(sample.rows.columns[c], (code) => code - 1);
    let totals: LevelTotals | undefined;
    return [{
      ...sorted(name, codes, levels.length - 1),
      totals() {
        if (totals) return totals;
        const { rows, clicks } = sample.totalsOf(c);
        return totals = { rows: rows.subarray(1), clicks: clicks.subarray(1) };
      },
    }];
  });
  return [...group, ...categories].filter((key) => usedKeys(key) <= keyShareMax * rowCount);
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

function countKeys({ rows, starts, count }: Key, labels: Uint8Array, weights: Float64Array): LevelTotals {
  const totals = { rows: new Float64Array(count), clicks: new Float64Array(count) };
  for (let key = 0; key < count; key++) {
    for (let at = starts[key]; at < starts[key + 1]; at++) {
      totals.rows[key] += weights[rows[at]];
      totals.clicks[key] += weights[rows[at]] * labels[rows[at]];
    }
  }
  return totals;
}
