import { loadEach } from "../chunks/chunk_loader.ts";
import { exp, log } from "../elementary.ts";
import { type DesignMatrix, forRuns, rowsOf } from "../encode/design_matrix.ts";
import { aucOf } from "./metrics.ts";
import { passPoint } from "../fit/objective.ts";
import { createRowNumbers } from "./row_numbers.ts";
import { createRowKernel } from "../fit/row_kernel.ts";
import { sortSpread } from "./spread_sort.ts";

/** How good a point is on rows that it was not fitted to. */
export interface Score {
  readonly rows: number;
  readonly clicks: number;
  /** Mean over the rows, each of which counts once. */
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
  const [clicked, notClicked] = [new Float64Array(rows), new Float64Array(rows)];
  let [clicks, others, loss] = [0, 0, 0];
  const logitsOf = createRowNumbers();
  for (const chunk of loadEach(design.chunks)) {
    forRuns(chunk, parts, (from, to) => {
      const logits = logitsOf(to - from);
      kernel.logits(chunk, from, to, logits);
      // The logarithm of a product, as the objective's: each factor is in (1, 2], so that a few cannot overflow.
      let product = 1;
      for (let i = from; i < to; i++) {
        const logit = logits[i - from];
        const isClicked = chunk.labels[i] === 1;
        product *= 1 + exp(-Math.abs(logit));
        if (isClicked ? logit < 0 : logit > 0) loss += Math.abs(logit);
        if (isClicked) clicked[clicks++] = logit;
        else notClicked[others++] = logit;
        if ((i - from) % factorsMax === factorsMax - 1) {
          loss += log(product);
          product = 1;
        }
      }
      loss += log(product);
    });
  }
  const auc = aucOf(sortSpread(clicked.subarray(0, clicks)), sortSpread(notClicked.subarray(0, others)));
  return { rows, clicks, logLoss: loss / rows, auc };
}
