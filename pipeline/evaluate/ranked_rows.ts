import { log } from "../math/elementary.ts";
import { mixed } from "../math/hash.ts";
import { rankOrder } from "../math/rank_order.ts";
import { bounded } from "./metrics.ts";

/** Rows with a label, and what a resample needs to know of them. */
export interface LabelledRows {
  /** Shape (rows): 1 if the row was clicked. */
  readonly labels: Uint8Array;
  /** Hash of the group, shape (rows): rows of a group are resampled together. */
  readonly groups: Uint32Array;
  /** Shape (rows), positive; absent if every row counts once. */
  readonly weights?: Float64Array | undefined;
}

/** The groups of rows, numbered. */
export interface Groups {
  /** Number of the group of each row, shape (rows). */
  readonly ofRow: Uint32Array;
  /** Hash of each group, shape (groups). */
  readonly hashes: Uint32Array;
}

/** Numbers the groups in the order of their first rows. */
export function numberGroups(groups: Uint32Array): Groups {
  // A hash table of numbers + 1, of which at most half is used: less than half the time of a Map.
  const table = new Uint32Array(2 ** Math.ceil(Math.log2(2 * groups.length + 2)));
  const last = table.length - 1;
  const ofRow = new Uint32Array(groups.length);
  const hashes = new Uint32Array(groups.length);
  let count = 0;
  for (let i = 0; i < groups.length; i++) {
    const hash = groups[i];
    let at = mixed(hash) & last;
    while (table[at] !== 0 && hashes[table[at] - 1] !== hash) at = (at + 1) & last;
    if (table[at] === 0) {
      hashes[count++] = hash;
      table[at] = count;
    }
    ofRow[i] = table[at] - 1;
  }
  return { ofRow, hashes: hashes.slice(0, count) };
}

/** Rows in ascending order of their probability; arrays have shape (rows) but for the sums. */
export interface RankedRows {
  readonly probabilities: Float64Array;
  readonly labels: Uint8Array;
  readonly weights: Float64Array;
  /** Number of the row's group. */
  readonly groups: Uint32Array;
  readonly sums: GroupSums;
}

/** Sums over the rows of each group by their weights, shape (groups) each: a resample takes less time than by rows. */
export interface GroupSums {
  readonly weights: Float64Array;
  readonly clicks: Float64Array;
  readonly losses: Float64Array;
  readonly squares: Float64Array;
}

/** @param probabilities Shape (rows), in the order of `rows`. */
export function rankRows(rows: LabelledRows, groups: Groups, probabilities: Float64Array): RankedRows {
  const order = rankOrder(probabilities);
  const count = order.length;
  const ranked = {
    probabilities: new Float64Array(count),
    labels: new Uint8Array(count),
    weights: new Float64Array(count).fill(1),
    groups: new Uint32Array(count),
  };
  const { labels, weights } = rows;
  // `from` with a function takes many times longer.
  for (let i = 0; i < count; i++) {
    const row = order[i];
    ranked.probabilities[i] = probabilities[row];
    ranked.labels[i] = labels[row];
    if (weights) ranked.weights[i] = weights[row];
    ranked.groups[i] = groups.ofRow[row];
  }
  return { ...ranked, sums: groupSums(rows, groups, probabilities) };
}

function groupSums(rows: LabelledRows, { ofRow, hashes }: Groups, probabilities: Float64Array): GroupSums {
  const [weights, clicks, losses, squares] = [0, 1, 2, 3].map(() => new Float64Array(hashes.length));
  const { labels } = rows;
  const ofRows = lossesOf(rows, probabilities);
  for (let i = 0; i < labels.length; i++) {
    const [group, weight] = [ofRow[i], rows.weights ? rows.weights[i] : 1];
    weights[group] += weight;
    clicks[group] += weight * labels[i];
    losses[group] += weight * ofRows[i];
    squares[group] += weight * (labels[i] - probabilities[i]) ** 2;
  }
  return { weights, clicks, losses, squares };
}

/** Returns the log loss of each row, without its weight. */
export function lossesOf(
  { labels }: Pick<LabelledRows, "labels">,
  probabilities: Float64Array,
): Float64Array {
  return probabilities.map((p, i) => -log(bounded(labels[i] === 1 ? p : 1 - p)));
}

/** Metrics of rows. Those that need both classes are null if one of them is empty. */
export interface MetricValues {
  readonly log_loss: number;
  /**
   * Log loss relative to that of the rows' own click rate: 1 is no better than a constant.
   *
   * @see He et al., Practical Lessons from Predicting Clicks on Ads at Facebook (2014), section 3.
   */
  readonly normalised_entropy: number | null;
  readonly auc: number | null;
  /** Area under the precision-recall curve as a sum of steps: average precision. */
  readonly pr_auc: number | null;
  readonly brier: number;
  /** Expected calibration error over 15 bins of equal count. */
  readonly ece: number;
}

export const reliabilityBins = 15;
