import { loadEach } from "../chunks/chunk_loader.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { type DesignMatrix, forRowRanges, rowsOf } from "../encode/design_matrix.ts";
import { addDeepLogits, createDeepPart, type Network } from "../model/network.ts";
import { passPoint } from "./objective.ts";
import { createPredictionTally } from "../evaluate/prediction_tally.ts";
import { createRowNumbers } from "./scratch_array.ts";
import { createRowKernel } from "./row_kernel.ts";
import { probabilityOf } from "../model/predictor.ts";
import { leftOutPart, testPart, trainPart } from "../examples/split.ts";

/**
 * How good the model is on the held-out rows; on the training rows where none were held out. Each row counts by its weight.
 *
 * @param coefficients Shape (columns + 1), intercept last.
 * @param baseRate Click rate of the training rows, by their weights.
 * @param network Of a wide-and-deep model, whose wide part the coefficients are.
 */
export function evaluateModel(
  design: DesignMatrix,
  coefficients: Float64Array,
  baseRate: number,
  network?: Network,
): Metrics {
  const deep = network && createDeepPart(network);
  const parts = design.partRows[testPart] > 0 ? [testPart] : [trainPart, leftOutPart];
  const kernel = createRowKernel(design);
  kernel.moveTo(passPoint(design, coefficients));
  const tally = createPredictionTally(rowsOf(design, parts));
  const logitsOf = createRowNumbers();
  for (const chunk of loadEach(design.chunks)) {
    forRowRanges(chunk, parts, (from, to) => {
      const logits = logitsOf(to - from);
      kernel.logits(chunk, from, to, logits);
      if (deep) addDeepLogits(design, chunk, { from, to }, deep, logits);
      for (let i = 0; i < logits.length; i++) logits[i] = probabilityOf(logits[i]);
      tally.add(chunk, from, to, logits);
    });
  }
  return tally.metrics(baseRate);
}
