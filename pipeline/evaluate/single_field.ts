import { log } from "../math/elementary.ts";
import { mixed } from "../math/hash.ts";
import type { Division } from "./divisions.ts";
import { bounded } from "./metrics.ts";
import type { Groups, LabelledRows } from "./ranked_rows.ts";

/** A prediction by one field alone: the click rate of its level. */
export interface SingleField {
  readonly name: string;
  /** Number of its levels, or of the ranges of its numbers. */
  readonly levels: number;
  /** Shape (rows), or the sum of the weighted losses of each group or block of groups. */
  readonly losses: Float64Array;
}

export const foldCount = 5;
/** A level's rate is that of its rows and of this many at the rate of all rows. */
export const priorRows = 20;

/**
 * Finds the field by whose levels' click rates the rows are predicted best. The rate of a row's level is that of the other four
 * fifths of the groups, so that a level per row predicts nothing.
 *
 * @returns undefined if there are no fields.
 */
export function strongestField(
  rows: LabelledRows,
  groups: Groups,
  fields: readonly Division[],
): SingleField | undefined {
  const folds = groups.hashes.map((hash) => mixed(hash ^ 0x51ed270b) % foldCount);
  let best: { readonly field: SingleField; readonly loss: number } | undefined;
  for (const { name, codes, levels } of fields) {
    const losses = foldLosses(rows, groups, folds, { codes, levelCount: levels.length });
    let loss = 0;
    for (let i = 0; i < losses.length; i++) loss += (rows.weights ? rows.weights[i] : 1) * losses[i];
    if (!best || loss < best.loss) best = { field: { name, levels: levels.length, losses }, loss };
  }
  return best?.field;
}

/** Returns the loss of each row by the rate that its level has in the other folds, shape (rows). */
function foldLosses(
  { labels, weights }: LabelledRows,
  { ofRow }: Groups,
  folds: Uint32Array,
  { codes, levelCount }: { readonly codes: Int32Array; readonly levelCount: number },
): Float64Array {
  // The last level of a fold has all rows.
  const width = levelCount + 1;
  const [totals, clicks] = [new Float64Array(foldCount * width), new Float64Array(foldCount * width)];
  const places = new Uint32Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    const at = places[i] = folds[ofRow[i]] * width + codes[i];
    const weight = weights ? weights[i] : 1;
    const all = at - codes[i] + levelCount;
    totals[at] += weight;
    totals[all] += weight;
    if (labels[i] === 0) continue;
    clicks[at] += weight;
    clicks[all] += weight;
  }
  const losses = placeLosses(totals, clicks, width);
  const own = new Float64Array(labels.length);
  for (let i = 0; i < own.length; i++) own[i] = losses[2 * places[i] + labels[i]];
  return own;
}

/** Returns the losses of an unclicked and of a clicked row of each level in each fold, shape (folds, levels + 1, 2). */
function placeLosses(totals: Float64Array, clicks: Float64Array, width: number): Float64Array {
  const sumOf = (sums: Float64Array, level: number) => {
    let sum = 0;
    for (let at = level; at < sums.length; at += width) sum += sums[at];
    return sum;
  };
  const losses = new Float64Array(2 * totals.length);
  const [allRows, allClicks] = [sumOf(totals, width - 1), sumOf(clicks, width - 1)];
  for (let level = 0; level < width - 1; level++) {
    const [rows, ones] = [sumOf(totals, level), sumOf(clicks, level)];
    for (let from = 0; from < totals.length; from += width) {
      const [at, all] = [from + level, from + width - 1];
      // Half a click in one row keeps the rate off 0 and 1.
      const rate = (allClicks - clicks[all] + 0.5) / (allRows - totals[all] + 1);
      const own = (ones - clicks[at] + priorRows * rate) / (rows - totals[at] + priorRows);
      losses[2 * at] = -log(bounded(1 - own));
      losses[2 * at + 1] = -log(bounded(own));
    }
  }
  return losses;
}
