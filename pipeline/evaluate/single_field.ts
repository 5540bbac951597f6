import { mixed } from "../math/hash.ts";
import type { Division } from "./divisions.ts";
import type { Groups, LabelledRows } from "./ranked_rows.ts";
import { lossesOf } from "./ranked_rows.ts";

/** A prediction by one field alone: the click rate of its level. */
export interface SingleField {
  readonly name: string;
  /** Number of its levels, or of the ranges of its numbers. */
  readonly levels: number;
  /** Shape (rows). */
  readonly losses: Float64Array;
}

const foldCount = 5;
/** A level's rate is that of its rows and of this many at the rate of all rows. */
const priorRows = 20;

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
    const losses = lossesOf(rows, ratesOf(rows, groups, folds, { codes, levelCount: levels.length }));
    let loss = 0;
    for (let i = 0; i < losses.length; i++) loss += (rows.weights ? rows.weights[i] : 1) * losses[i];
    if (!best || loss < best.loss) best = { field: { name, levels: levels.length, losses }, loss };
  }
  return best?.field;
}

/** Returns the rate of each row's level in the other folds, shape (rows). */
function ratesOf(
  { labels, weights }: LabelledRows,
  { ofRow }: Groups,
  folds: Uint32Array,
  { codes, levelCount }: { readonly codes: Int32Array; readonly levelCount: number },
): Float64Array {
  // The last level of a fold has all rows.
  const width = levelCount + 1;
  const [totals, clicks] = [new Float64Array(foldCount * width), new Float64Array(foldCount * width)];
  const [allTotals, allClicks] = [new Float64Array(width), new Float64Array(width)];
  for (let i = 0; i < labels.length; i++) {
    const weight = weights ? weights[i] : 1;
    for (const level of [codes[i], levelCount]) {
      const at = folds[ofRow[i]] * width + level;
      totals[at] += weight;
      clicks[at] += weight * labels[i];
      allTotals[level] += weight;
      allClicks[level] += weight * labels[i];
    }
  }
  return Float64Array.from(labels, (_, i) => {
    const from = folds[ofRow[i]] * width;
    const [level, all] = [codes[i], levelCount];
    const rows = allTotals[all] - totals[from + all];
    // Half a click in one row keeps the rate off 0 and 1.
    const rate = (allClicks[all] - clicks[from + all] + 0.5) / (rows + 1);
    const ownRows = allTotals[level] - totals[from + level];
    const ownClicks = allClicks[level] - clicks[from + level];
    return (ownClicks + priorRows * rate) / (ownRows + priorRows);
  });
}
