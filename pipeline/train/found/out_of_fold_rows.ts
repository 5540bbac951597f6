import type { OutOfFoldRows } from "../../fit/calibration/calibrate.ts";
import type { SearchRows } from "../../fit/tables/found_model.ts";
import { log } from "../../math/elementary.ts";

/**
 * Returns the rows that a fold was scored on, as rows to calibrate by: with the log-odds, and the weights, that they have if no row was left
 * out by sampling.
 *
 * @param logits Out of fold, shape (rows); NaN for a row that no fold is scored on.
 * @param negatives Share of the rows with label 0 that sampling kept.
 */
export function outOfFoldRowsOf(
  { labels, groups, weights }: Pick<SearchRows, "labels" | "groups" | "weights">,
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
