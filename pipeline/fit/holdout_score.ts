import { type DesignMatrix, rowsOf } from "../encode/design_matrix.ts";
import { createPredictionAccumulator } from "../evaluate/prediction_accumulator.ts";
import { exp, log, log1p } from "../math/elementary.ts";
import { forLogits } from "./logits.ts";

/** Log loss and AUC of a model on rows that it was not fitted to. */
export interface Score {
  readonly rows: number;
  readonly clicks: number;
  /** Mean over the rows, weighted by their weights. */
  readonly logLoss: number;
  /** Null if all rows were clicked, or none. */
  readonly auc: number | null;
}

/** Factors in (1, 2] whose product cannot overflow: its logarithm is taken once for all of them. */
const factorsMax = 512;

/**
 * Computes log loss and AUC on the rows of some parts from their log-odds, which do not have to be bounded as probabilities
 * near 0 and 1 do.
 *
 * @param coefficients Shape (columns + 1), intercept last.
 */
export function scoreOf(design: DesignMatrix, parts: readonly number[], coefficients: Float64Array): Score {
  const rows = rowsOf(design, parts);
  const predictions = createPredictionAccumulator(rows);
  let [loss, weight] = [0, 0];
  forLogits(design, parts, coefficients, (chunk, from, to, logits) => {
    predictions.add(chunk, from, to, logits);
    const labels = chunk.labels.subarray(from, to);
    if (chunk.weights) {
      const weights = chunk.weights.subarray(from, to);
      loss += weightedLossOf(logits, labels, weights);
      for (let i = 0; i < weights.length; i++) weight += weights[i];
    } else {
      loss = plusLoss(loss, logits, labels);
      weight += to - from;
    }
  });
  return { rows, clicks: predictions.clicks(), logLoss: loss / weight, auc: predictions.auc() };
}

/** Returns `loss` + Σ log loss of rows without weights. */
function plusLoss(loss: number, logits: Float64Array, labels: Uint8Array): number {
  let product = 1;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i];
    product *= 1 + exp(-Math.abs(logit));
    if (labels[i] === 1 ? logit < 0 : logit > 0) loss += Math.abs(logit);
    if (i % factorsMax === factorsMax - 1) {
      loss += log(product);
      product = 1;
    }
  }
  return loss + log(product);
}

function weightedLossOf(logits: Float64Array, labels: Uint8Array, weights: Float64Array): number {
  let loss = 0;
  for (let i = 0; i < logits.length; i++) {
    const against = labels[i] === 1 ? -logits[i] : logits[i];
    loss += weights[i] * (log1p(exp(-Math.abs(against))) + (against > 0 ? against : 0));
  }
  return loss;
}
