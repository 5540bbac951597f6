import { hashOfNumber } from "./content_hash.ts";
import type { LeakSample } from "./leak_sample.ts";
import type { LeakWarning } from "./leak_warning.ts";
import { multipliedRows } from "./multiplied_rows.ts";
import type { SampledRows } from "./sampled_rows.ts";

/** Pairs of equal rows that are noted, at least, and their share of the rows. */
const repeatsMin = 10;
const repeatedShareMin = 0.01;
/** How many times as many pairs of equal rows there are as chance gives. */
const chanceFactor = 4;
/** Columns that are left out in turn to see what chance gives. */
const leftOutMax = 12;

/** Warns of rows that occur more than once, and not by chance. */
export function warnOfRepeatedRows(sample: LeakSample): LeakWarning[] {
  const { twins, columns } = sample;
  const hashes = hashRows(twins);
  const equal = pairsOf(twins, hashes.all);
  const isReal = equal.pairs >= repeatsMin && equal.differing <= 0.02 * equal.pairs &&
    equal.pairs >= chanceFactor * chancePairs(twins, hashes, equal.pairs);
  if (!isReal) {
    const multiplied = multipliedRows(sample);
    return multiplied ? [multiplied] : [];
  }
  const { rowCount } = twins;
  if (equal.sameGroup >= repeatedShareMin * rowCount && equal.sameGroup >= repeatsMin) {
    return [{
      kind: "multiplied-rows",
      columns: [],
      text:
        `${equal.sameGroup} of ${rowCount} rows that were looked at repeat another row of their group, outcome included, as ` +
        "a join that multiplies rows makes them: each counts several times. Join one row per key only, or add the key of the rows.",
    }];
  }
  const across = twins.heldOut ? equal.acrossSplit : equal.otherGroup;
  const of = twins.heldOut ? twins.heldOut.reduce((sum, isHeldOut) => sum + isHeldOut, 0) : rowCount;
  if (across < Math.max(repeatsMin / 2, repeatedShareMin * of)) return [];
  const where = twins.heldOut
    ? `${across} of ${of} held-out rows that were looked at are equal to a training row`
    : `${across} of ${of} rows that were looked at are equal to another row`;
  return [{
    kind: "duplicate-rows",
    columns: [],
    text:
      `${where} in all ${columns.length} columns and in the outcome, but of another group: the metrics are those of rows ` +
      "that the model has seen. Remove the duplicates, or name a group column that equal rows share.",
  }];
}

/** Hashes of rows, two words each. */
interface RowHashes {
  readonly all: Float64Array;
  /** Returns the hashes of the rows without one column. */
  without(c: number): Float64Array;
}

function hashRows({ columns, rowCount }: SampledRows): RowHashes {
  const [high, low] = [new Uint32Array(rowCount), new Uint32Array(rowCount)];
  columns.forEach((column, c) => {
    for (let i = 0; i < rowCount; i++) {
      high[i] += hashOfNumber(column[i], 2 * c + 1);
      low[i] += hashOfNumber(column[i], -2 * c - 1);
    }
  });
  const joined = (highOf: (i: number) => number, lowOf: (i: number) => number) =>
    Float64Array.from(
      { length: rowCount },
      (_, i) => (highOf(i) >>> 0) * 2 ** 20 + ((lowOf(i) >>> 0) % 2 ** 20),
    );
  return {
    all: joined((i) => high[i], (i) => low[i]),
    without: (c) =>
      joined(
        (i) => high[i] - hashOfNumber(columns[c][i], 2 * c + 1),
        (i) => low[i] - hashOfNumber(columns[c][i], -2 * c - 1),
      ),
  };
}

interface EqualRows {
  /** Rows that are equal to an earlier row. */
  readonly pairs: number;
  /** Of these, those whose label is another one than that row's. */
  readonly differing: number;
  readonly sameGroup: number;
  readonly otherGroup: number;
  /** Held-out rows that are equal to a training row. */
  readonly acrossSplit: number;
}

/** Counts the rows that are equal to an earlier one. */
function pairsOf({ labels, groups, heldOut, rowCount }: SampledRows, hashes: Float64Array): EqualRows {
  const first = new Map<number, number>();
  const trained = new Set<number>();
  let [pairs, differing, sameGroup, otherGroup, acrossSplit] = [0, 0, 0, 0, 0];
  for (let i = 0; i < rowCount; i++) {
    const earlier = first.getOrInsertComputed(hashes[i], () => i);
    if (heldOut && heldOut[i] === 0) trained.add(hashes[i]);
    if (earlier === i) continue;
    pairs++;
    if (labels[earlier] !== labels[i]) differing++;
    if (groups && groups[earlier] === groups[i]) sameGroup++;
    else otherGroup++;
  }
  for (let i = 0; heldOut && i < rowCount; i++) {
    if (heldOut[i] === 1 && trained.has(hashes[i])) acrossSplit++;
  }
  return { pairs, differing, sameGroup, otherGroup, acrossSplit };
}

/**
 * Estimates how many pairs of equal rows chance gives: from the pairs that are equal but for one column, and the chance that two
 * rows have the same value of it. The column that gives the most is taken, since others may follow from the rest.
 */
function chancePairs({ columns, rowCount }: SampledRows, hashes: RowHashes, pairs: number): number {
  const same = columns.map(collisionChance);
  const order = columns.map((_, c) => c).sort((a, b) => same[a] - same[b]);
  const equal = countPairs(hashes.all);
  let most = 0;
  // The most and the least distinctive columns.
  const half = Math.ceil(leftOutMax / 2);
  for (const c of new Set([...order.slice(0, half), ...order.slice(-half)])) {
    if (same[c] >= 1) continue;
    const others = Math.max(0, countPairs(hashes.without(c)) - equal);
    most = Math.max(most, (others * same[c]) / (1 - same[c]));
  }
  return rowCount === 0 || equal === 0 ? 0 : (most * pairs) / equal;
}

function countsOf(values: Float64Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function countPairs(hashes: Float64Array): number {
  let pairs = 0;
  for (const count of countsOf(hashes).values()) pairs += (count * (count - 1)) / 2;
  return pairs;
}

/** Returns the chance that two rows have the same value. */
function collisionChance(values: Float64Array): number {
  return countPairs(values) / Math.max(1, (values.length * (values.length - 1)) / 2);
}
