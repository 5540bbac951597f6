import { loadEach } from "../chunks/chunk_store.ts";
import { type DesignMatrix, hasWeights } from "../encode/design_matrix.ts";
import { metricsOfRows, type PredictedRows } from "../evaluate/metrics.ts";
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
  const predictions = hasWeights(design) ? createPredictionAccumulator(known.rowCount) : undefined;
  const labels = new Uint8Array(predictions ? 0 : known.rowCount);
  let rowCount = 0;
  forKnownProbabilities(design, known, (chunk, from, to, probabilities) => {
    if (predictions) predictions.add(chunk, from, to, probabilities);
    else labels.set(chunk.labels.subarray(from, to), rowCount);
    rowCount += to - from;
    periods?.add(chunk, from, to, probabilities);
  });
  const metrics = predictions
    ? predictions.metrics(baseRate)
    : metricsOfRows(predictedRows(known, labels), baseRate);
  return periods ? { ...metrics, by_time: periods.metrics(baseRate) } : metrics;
}

function predictedRows({ chunks, rowCount }: RowProbabilities, labels: Uint8Array): PredictedRows {
  return {
    rowCount,
    forBlocks(use) {
      let at = 0;
      for (const { values } of loadEach(chunks)) use(values, labels.subarray(at, at += values.length));
    },
  };
}
