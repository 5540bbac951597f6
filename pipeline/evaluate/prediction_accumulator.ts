import type { DesignChunk } from "../encode/design_matrix.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { aucOf, metricsOf } from "./metrics.ts";
import { sortSpread } from "../math/bucket_sort.ts";
import { type Weighed, weightedAucOf, weightedMetricsOf } from "./weighted_metrics.ts";

/** Gathers predictions of rows until it is asked how good they are. Each row counts by its own weight, whatever it counts for in a fit. */
export interface PredictionAccumulator {
  /** @param predictions Of rows from … to − 1 of the chunk, in their order: probabilities, or log-odds if only the AUC is wanted. */
  add(chunk: DesignChunk, from: number, to: number, predictions: Float64Array): void;
  /** Rows that were clicked. */
  clicks(): number;
  /** @param baseRate The training rows' click rate, by their weights. */
  metrics(baseRate: number): Metrics;
  /** Null if all rows were clicked, or none. */
  auc(): number | null;
}

/** @param rowCount How many rows there will be. */
export function createPredictionAccumulator(rowCount: number): PredictionAccumulator {
  // As much of both is memory as is written to.
  const [clicked, notClicked] = [new Float64Array(rowCount), new Float64Array(rowCount)];
  let weights: { readonly clicked: Float64Array; readonly notClicked: Float64Array } | undefined;
  let [clickedCount, notClickedCount] = [0, 0];

  function addWeights({ labels }: DesignChunk, from: number, to: number, own: Float64Array): void {
    weights ??= { clicked: new Float64Array(rowCount), notClicked: new Float64Array(rowCount) };
    let [clickedAt, notClickedAt] = [clickedCount, notClickedCount];
    for (let i = from; i < to; i++) {
      if (labels[i] === 1) weights.clicked[clickedAt++] = own[i];
      else weights.notClicked[notClickedAt++] = own[i];
    }
  }
  const weighed = (own: { clicked: Float64Array; notClicked: Float64Array }): [Weighed, Weighed] => [
    { values: clicked.subarray(0, clickedCount), weights: own.clicked.subarray(0, clickedCount) },
    { values: notClicked.subarray(0, notClickedCount), weights: own.notClicked.subarray(0, notClickedCount) },
  ];
  return {
    add(chunk, from, to, predictions) {
      const { labels } = chunk;
      if (chunk.weights) addWeights(chunk, from, to, chunk.weights);
      for (let i = from; i < to; i++) {
        if (labels[i] === 1) clicked[clickedCount++] = predictions[i - from];
        else notClicked[notClickedCount++] = predictions[i - from];
      }
    },
    clicks: () => clickedCount,
    metrics: (baseRate) =>
      weights
        ? weightedMetricsOf(...weighed(weights), baseRate)
        : metricsOf(clicked.subarray(0, clickedCount), notClicked.subarray(0, notClickedCount), baseRate),
    auc: () =>
      weights ? weightedAucOf(...weighed(weights)) : aucOf(
        sortSpread(clicked.subarray(0, clickedCount)),
        sortSpread(notClicked.subarray(0, notClickedCount)),
      ),
  };
}
