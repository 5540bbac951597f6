import { exp } from "../../math/elementary.ts";
import { rowLoss, rowsOf } from "./boost.ts";
import { type BoostRows, onlyScored } from "./boost_rows.ts";
import type { OutOfFold, RowFolds } from "./found_model.ts";

const binCount = 15;

/** Returns the rows that each fold is scored on, ascending. */
export function scoredRows({ blocks, folds }: RowFolds): Uint32Array[] {
  return folds.map(({ scoredOn }) => rowsOf({ blocks }, new Set([scoredOn, scoredOn + onlyScored])));
}

/** Puts the logits of the folds' scored rows in their places, and measures them. @param foldLogits Per fold, in row order. */
export function scoreFolds(
  { labels, weights }: Pick<BoostRows, "labels" | "weights">,
  folded: RowFolds,
  foldLogits: readonly Float64Array[],
): Pick<OutOfFold, "logits" | "logLoss" | "ece"> {
  const logits = new Float64Array(labels.length).fill(NaN);
  scoredRows(folded).forEach((rows, fold) => {
    for (let i = 0; i < rows.length; i++) logits[rows[i]] = foldLogits[fold][i];
  });
  return { logits, ...measure(logits, labels, weights) };
}

/**
 * Measures logits: mean log loss, and the calibration error over 15 bins of about equal weight by predicted probability.
 *
 * @param logits NaN for rows that do not count.
 */
export function measure(logits: Float64Array, labels: Uint8Array, weights: Float64Array | undefined) {
  const rows = Uint32Array.from(logits.keys()).filter((row) => !Number.isNaN(logits[row]));
  rows.sort((a, b) => logits[a] - logits[b] || a - b);
  let [loss, total] = [0, 0];
  for (const row of rows) {
    const weight = weights ? weights[row] : 1;
    loss += weight * rowLoss(logits[row], labels[row]);
    total += weight;
  }
  let [ece, seen, bin, bias] = [0, 0, 1, 0];
  for (const row of rows) {
    const weight = weights ? weights[row] : 1;
    seen += weight;
    bias += weight * (1 / (1 + exp(-logits[row])) - labels[row]);
    if (seen < total * bin / binCount) continue;
    ece += Math.abs(bias);
    bias = 0;
    while (seen >= total * bin / binCount && bin < binCount) bin++;
  }
  return { logLoss: loss / total, ece: (ece + Math.abs(bias)) / total };
}
