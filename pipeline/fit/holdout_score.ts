import { loadEach } from "../chunks/chunk_loader.ts";
import { exp, log, log1p } from "../math/elementary.ts";
import { type DesignMatrix, forRowRanges, rowsOf } from "../encode/design_matrix.ts";
import { passPoint } from "./objective.ts";
import { createPredictionTally } from "../evaluate/prediction_tally.ts";
import { createRowNumbers } from "./scratch_array.ts";
import { createRowKernel } from "./row_kernel.ts";

/** How good a point is on rows that it was not fitted to. */
export interface Score {
  readonly rows: number;
  readonly clicks: number;
  /** Mean over the rows, each of which counts by its weight. */
  readonly logLoss: number;
  /** Null where all rows were clicked, or none. */
  readonly auc: number | null;
}

const factorsMax = 512;

/**
 * Log loss and AUC on the rows of some parts, from their log-odds: no probability is so near 0 or 1 that it would have to
 * be bounded.
 *
 * @param coefficients Shape (columns + 1), intercept last.
 */
export function scoreOf(design: DesignMatrix, parts: readonly number[], coefficients: Float64Array): Score {
  const kernel = createRowKernel(design);
  kernel.moveTo(passPoint(design, coefficients));
  const rows = rowsOf(design, parts);
  const tally = createPredictionTally(rows);
  let [loss, weight] = [0, 0];
  const logitsOf = createRowNumbers();
  for (const chunk of loadEach(design.chunks)) {
    forRowRanges(chunk, parts, (from, to) => {
      const logits = logitsOf(to - from);
      kernel.logits(chunk, from, to, logits);
      tally.add(chunk, from, to, logits);
      if (chunk.weights) {
        const own = chunk.weights.subarray(from, to);
        loss += weightedLossOf(logits, chunk.labels.subarray(from, to), own);
        for (let i = 0; i < own.length; i++) weight += own[i];
        return;
      }
      weight += to - from;
      // The logarithm of a product, as the objective's: each factor is in (1, 2], so that a few cannot overflow.
      let product = 1;
      for (let i = from; i < to; i++) {
        const logit = logits[i - from];
        product *= 1 + exp(-Math.abs(logit));
        if (chunk.labels[i] === 1 ? logit < 0 : logit > 0) loss += Math.abs(logit);
        if ((i - from) % factorsMax === factorsMax - 1) {
          loss += log(product);
          product = 1;
        }
      }
      loss += log(product);
    });
  }
  return { rows, clicks: tally.clicks(), logLoss: loss / weight, auc: tally.auc() };
}

function weightedLossOf(logits: Float64Array, labels: Uint8Array, weights: Float64Array): number {
  let loss = 0;
  for (let i = 0; i < logits.length; i++) {
    const against = labels[i] === 1 ? -logits[i] : logits[i];
    loss += weights[i] * (log1p(exp(-Math.abs(against))) + (against > 0 ? against : 0));
  }
  return loss;
}
