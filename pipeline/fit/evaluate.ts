import { type DesignChunk, type DesignMatrix, rowsOf } from "../encode/design_matrix.ts";
import { createPredictionAccumulator } from "../evaluate/prediction_accumulator.ts";
import { leftOutPart, testPart, trainPart } from "../examples/split.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { type CalibrationMap, servedCalibration } from "../model/calibration_map.ts";
import { addDeepLogits, createDeepPart, type Network } from "../model/network.ts";
import { probabilityOf } from "../model/predictor.ts";
import { forLogits } from "./logits.ts";

/** The parts of a model that its log-odds are made of. */
export interface EvaluatedModel {
  /** Shape (columns + 1), intercept last. */
  readonly coefficients: Float64Array;
  /** The deep part of a wide-and-deep model, whose wide part is `coefficients`. */
  readonly network?: Network | undefined;
  /** As a model has it: a platt map is in the coefficients already. */
  readonly calibration?: CalibrationMap | undefined;
}

/**
 * Computes a model's metrics on the held-out rows, or on the training rows if none were held out. Each row counts by its weight.
 *
 * @param baseRate Weighted click rate of the training rows.
 */
export function evaluateModel(
  design: DesignMatrix,
  model: EvaluatedModel,
  baseRate: number,
  parts: readonly number[] = evaluatedParts(design),
): Metrics {
  const predictions = createPredictionAccumulator(rowsOf(design, parts));
  forProbabilities(design, parts, model, predictions.add);
  return predictions.metrics(baseRate);
}

/** Returns the parts whose rows are evaluated. */
export function evaluatedParts({ partRows }: DesignMatrix): readonly number[] {
  return partRows[testPart] > 0 ? [testPart] : [trainPart, leftOutPart];
}

/** Calls `use` with the probabilities of each range of rows of some parts, as `forLogits` does with the log-odds. */
export function forProbabilities(
  design: DesignMatrix,
  parts: readonly number[],
  model: EvaluatedModel,
  use: (chunk: DesignChunk, from: number, to: number, probabilities: Float64Array) => void,
): void {
  forModelLogits(design, parts, model, (chunk, from, to, logits) => {
    for (let i = 0; i < logits.length; i++) logits[i] = probabilityOf(logits[i]);
    use(chunk, from, to, logits);
  });
}

/** Calls `use` with the log-odds that a model gives, as `forLogits` does. */
export function forModelLogits(
  design: DesignMatrix,
  parts: readonly number[],
  { coefficients, network, calibration }: EvaluatedModel,
  use: (chunk: DesignChunk, from: number, to: number, logits: Float64Array) => void,
): void {
  const deep = network && createDeepPart(network);
  const calibrated = servedCalibration(calibration);
  forLogits(design, parts, coefficients, (chunk, from, to, logits) => {
    if (deep) addDeepLogits(design, chunk, { from, to }, deep, logits);
    if (calibrated) { for (let i = 0; i < logits.length; i++) logits[i] = calibrated(logits[i]); }
    use(chunk, from, to, logits);
  });
}
