import type { DesignMatrix } from "../encode/design_matrix.ts";
import { createPeriodAccumulator } from "../evaluate/metrics_by_time.ts";
import { createPredictionAccumulator } from "../evaluate/prediction_accumulator.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { forKnownProbabilities, type RowProbabilities } from "./row_probabilities.ts";

/**
 * As `evaluateModel`, of probabilities that are known, with the metrics of each day, week or month.
 *
 * @returns Without them if rows have no times, or if these are not divided into 4 to 30 periods by any unit.
 */
export function evaluateByTime(
  design: DesignMatrix,
  known: RowProbabilities,
  baseRate: number,
): Metrics {
  const periods = createPeriodAccumulator(design, known.parts);
  const predictions = createPredictionAccumulator(known.values.length);
  forKnownProbabilities(design, known, (chunk, from, to, probabilities) => {
    predictions.add(chunk, from, to, probabilities);
    periods?.add(chunk, from, to, probabilities);
  });
  const metrics = predictions.metrics(baseRate);
  return periods ? { ...metrics, by_time: periods.metrics(baseRate) } : metrics;
}
