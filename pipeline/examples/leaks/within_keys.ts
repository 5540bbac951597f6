import { warnOfAggregate } from "./aggregates.ts";
import { binNumbers } from "./column_bins.ts";
import { type Strength, strengthOf } from "./column_strength.ts";
import type { Key } from "./keys.ts";
import type { LeakSample } from "./leak_sample.ts";
import type { LeakWarning } from "./leak_warning.ts";
import type { Evidence } from "./other_columns.ts";
import type { SampledRows } from "./sampled_rows.ts";

/** Pairs of rows from which a number counts as one of the key. */
const pairsMin = 50;
/** Pairs that are looked at to find that out, and to find out whether a number's changes may tell the outcome. */
const constantPairsMax = 2_000;
const changedPairsMax = 4_000;
/** Pairs whose labels differ: else labels are the key's, too. */
const differingMin = 10;
/** Share of the pairs of one key that have the same number, from which it is a number of the key. */
const constantShareMin = 0.99;

/** Warns of a number of a key that was computed from the key's labels. */
export function warnOfAggregates(
  sample: LeakSample,
  c: number,
  keys: readonly Key[],
): LeakWarning | undefined {
  const { columns, rows } = sample;
  for (const key of keys) {
    if (key.column === c) continue;
    const changes = changesOf(rows, rows.columns[c], key, constantPairsMax);
    const isOfKey = changes.all >= pairsMin && changes.equal >= constantShareMin * changes.all;
    // If all rows of a key have the same outcome, so has everything that follows from it.
    if (!isOfKey || changes.differing < differingMin) continue;
    const warning = warnOfAggregate(columns[c].name, key, rows.columns[c]);
    if (warning) return warning;
  }
  return undefined;
}

/** Warns of a number whose change from the row of the same key before tells the outcome. */
export function warnOfOwnRow(
  sample: LeakSample,
  c: number,
  keys: readonly Key[],
  { strengths }: Evidence,
): LeakWarning | undefined {
  const { columns, rows } = sample;
  const { name } = columns[c];
  const values = rows.columns[c];
  for (const key of keys) {
    if (key.column === c) continue;
    const isTold = [key, ...rows.times ? [inTimeOrder(key, rows.times)] : []].some((ordered) => {
      const changes = changesOf(rows, values, ordered, changedPairsMax);
      if (changes.equal >= constantShareMin * changes.all) return false;
      if (!changes.after.every(mayTell) || areSorted(changes)) return false;
      const told = changesTell(rows, values, ordered);
      return told.length > 0 && told.every((strength) => tellsMore(strength, strengths[c]));
    });
    if (!isTold) continue;
    return {
      kind: "own-row",
      columns: [name],
      text:
        `${name} tells which rows of ${key.name} have label 1, as a count or a rate does that the row's own outcome went into. ` +
        "Compute it from earlier rows only, or take it out of the features.",
    };
  }
  return undefined;
}

/** Successive rows of one key whose number falls, stays or rises, by the label of the later row, shape (2)(3). */
type Changes = readonly [others: Directions, clicked: Directions];
type Directions = [falling: number, equal: number, rising: number];

interface KeyChanges {
  readonly all: number;
  /** Pairs in which both have the same number, or both none. */
  readonly equal: number;
  /** Pairs whose labels differ. */
  readonly differing: number;
  /** By the label of the earlier row: what that row's outcome does to the number is no leak, but the rule of an honest count. */
  readonly after: readonly [Changes, Changes];
}

function changesOf(
  { labels }: SampledRows,
  values: Float64Array,
  { rows, starts, count }: Key,
  pairsMax: number,
): KeyChanges {
  const none = (): Directions => [0, 0, 0];
  const after = [[none(), none()], [none(), none()]] as const;
  let [all, equal, differing] = [0, 0, 0];
  for (let key = 0; key < count && all < pairsMax; key++) {
    for (let at = starts[key] + 1; at < starts[key + 1]; at++) {
      const [before, row] = [rows[at - 1], rows[at]];
      const [a, b] = [values[before], values[row]];
      all++;
      if (labels[before] !== labels[row]) differing++;
      if (Object.is(a, b)) equal++;
      if (a === a && b === b) after[labels[before]][labels[row]][a === b ? 1 : b > a ? 2 : 0]++;
    }
  }
  return { all, equal, differing, after };
}

/** Pairs of either label from which changes are judged; fewer of one earlier label say nothing. */
const judgedMin = 50;
/** Difference of the shares of directions, from which the changes themselves are compared. */
const directionShareMin = 0.4;

/** Whether the directions of the changes differ by the label, or are too few to say so. */
function mayTell([others, clicked]: Changes): boolean {
  const [ofOthers, ofClicked] = [others, clicked].map((counts) =>
    counts.reduce((sum, count) => sum + count, 0)
  );
  if (Math.min(ofOthers, ofClicked) < judgedMin) return true;
  const distance = others.reduce(
    (sum, count, d) => sum + Math.abs(count / ofOthers - clicked[d] / ofClicked),
    0,
  );
  return distance / 2 >= directionShareMin;
}

/** AUC of the changes alone from which they tell the outcome. */
const aucMin = 0.95;

/** Share of what the number alone tells wrongly, up to which its changes tell more. */
const missedRatioMax = 0.4;

/** Whether changes tell the outcome, and more than the number itself does. */
function tellsMore({ auc, error, missed }: Strength, alone: Strength | undefined): boolean {
  return auc >= aucMin && error < 0.05 && missed <= missedRatioMax * (alone?.missed ?? 1);
}

/** Whether the label changes from row to row in one direction only, so that whatever rises or falls tells it. */
function areSorted({ after: [others, clicked] }: KeyChanges): boolean {
  const [rises, falls] = [others[1], clicked[0]].map((counts) => counts.reduce((a, b) => a + b, 0));
  return 5 * Math.min(rises, falls) < Math.max(rises, falls);
}

/** Computes how well the changes tell the later row's label, among pairs of one earlier label. */
function changesTell(
  { labels, weights }: SampledRows,
  values: Float64Array,
  { rows, starts, count }: Key,
): Strength[] {
  return [0, 1].flatMap((earlier) => {
    const changes: number[] = [];
    const later: number[] = [];
    for (let key = 0; key < count; key++) {
      for (let at = starts[key] + 1; at < starts[key + 1]; at++) {
        const change = values[rows[at]] - values[rows[at - 1]];
        if (labels[rows[at - 1]] !== earlier || change !== change) continue;
        changes.push(change);
        later.push(rows[at]);
      }
    }
    const pairs = {
      rowCount: later.length,
      columns: [],
      labels: Uint8Array.from(later, (row) => labels[row]),
      weights: Float64Array.from(later, (row) => weights[row]),
      groupCount: 0,
    };
    const clicked = pairs.labels.reduce((sum, label) => sum + label, 0);
    if (Math.min(clicked, pairs.rowCount - clicked) < judgedMin) return [];
    return [strengthOf(binNumbers(Float64Array.from(changes), pairs.labels), pairs)];
  });
}

/** Sorts each key's rows by their time. */
function inTimeOrder(key: Key, times: Float64Array): Key {
  const rows = key.rows.slice();
  for (let k = 0; k < key.count; k++) {
    rows.subarray(key.starts[k], key.starts[k + 1]).sort((a, b) => times[a] - times[b] || a - b);
  }
  return { ...key, rows };
}
