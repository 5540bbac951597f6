import type { OutOfFoldRows } from "../../fit/calibration/calibrate.ts";
import { measure } from "../../fit/tables/fold_scores.ts";
import type { OutOfFold, SearchRows } from "../../fit/tables/found_model.ts";
import { log } from "../../math/elementary.ts";

/** Labels and groups of rows, and their weights if they do not count once each. */
type LabelledRows = Pick<SearchRows, "labels" | "groups"> & { readonly weights?: Float64Array | undefined };

/** Corrects log-odds for class weights, and measures them without these. @param shift See `classShift`. */
export function withoutClassWeights(
  outOfFold: OutOfFold,
  { labels, weights }: LabelledRows,
  shift: number,
): OutOfFold {
  const logits = outOfFold.logits.map((logit) => logit + shift);
  return { ...outOfFold, logits, ...measure(logits, labels, weights) };
}

/**
 * Returns the rows that a fold was scored on, as rows to calibrate by: with the log-odds, and the weights, that they have if no row was left
 * out by sampling.
 *
 * @param logits Out of fold, shape (rows); NaN for a row that no fold is scored on.
 * @param negatives Share of the rows with label 0 that sampling kept.
 */
export function outOfFoldRowsOf(
  { labels, groups, weights }: LabelledRows,
  logits: Float64Array,
  negatives: number,
): OutOfFoldRows {
  const scored = Uint32Array.from(logits.keys()).filter((row) => logits[row] === logits[row]);
  const shift = log(negatives);
  const weightOf = (row: number) => (weights ? weights[row] : 1) / (labels[row] === 1 ? 1 : negatives);
  return {
    logits: Float64Array.from(scored, (row) => logits[row] + shift),
    labels: Uint8Array.from(scored, (row) => labels[row]),
    groups: Uint32Array.from(scored, (row) => groups[row]),
    ...(weights || negatives < 1 ? { weights: Float64Array.from(scored, weightOf) } : {}),
  };
}
