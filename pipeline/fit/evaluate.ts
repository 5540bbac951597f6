import { type DesignMatrix, rowsOf } from "../encode/design_matrix.ts";
import { createPredictionAccumulator } from "../evaluate/prediction_accumulator.ts";
import { leftOutPart, testPart, trainPart } from "../examples/split.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { addDeepLogits, createDeepPart, type Network } from "../model/network.ts";
import { probabilityOf } from "../model/predictor.ts";
import { forLogits } from "./logits.ts";

/**
 * Computes a model's metrics on the held-out rows, or on the training rows if none were held out. Each row counts by its weight.
 *
 * @param coefficients Shape (columns + 1), intercept last.
 * @param baseRate Weighted click rate of the training rows.
 * @param network The deep part of a wide-and-deep model, whose wide part is `coefficients`.
 */
export function evaluateModel(
  design: DesignMatrix,
  coefficients: Float64Array,
  baseRate: number,
  network?: Network,
): Metrics {
  const deep = network && createDeepPart(network);
  const parts = design.partRows[testPart] > 0 ? [testPart] : [trainPart, leftOutPart];
  const predictions = createPredictionAccumulator(rowsOf(design, parts));
  forLogits(design, parts, coefficients, (chunk, from, to, logits) => {
    if (deep) addDeepLogits(design, chunk, { from, to }, deep, logits);
    for (let i = 0; i < logits.length; i++) logits[i] = probabilityOf(logits[i]);
    predictions.add(chunk, from, to, logits);
  });
  return predictions.metrics(baseRate);
}
