import type { DesignChunk } from "../encode/design_matrix.ts";
import { sortSpread } from "../math/bucket_sort.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { aucOf, metricsOf } from "./metrics.ts";
import { weightedAucOf, weightedMetricsOf, type WeightedRows } from "./weighted_metrics.ts";

/** Collects predictions of rows and computes their metrics. Rows count by their own weights, not by those of the fit. */
export type PredictionAccumulator = ReturnType<typeof createPredictionAccumulator>;

/** @param rowCount Maximum number of rows. */
export function createPredictionAccumulator(rowCount: number) {
  // Each has space for all rows: the system only allocates the pages that are written to.
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

  const clickedOf = (values: Float64Array) => values.subarray(0, clickedCount);
  const notClickedOf = (values: Float64Array) => values.subarray(0, notClickedCount);
  const weighted = (own: NonNullable<typeof weights>): [WeightedRows, WeightedRows] => [
    { values: clickedOf(clicked), weights: clickedOf(own.clicked) },
    { values: notClickedOf(notClicked), weights: notClickedOf(own.notClicked) },
  ];

  return {
    /** @param predictions Of rows from … to − 1 of the chunk: probabilities, or log-odds if only the AUC is needed. */
    add(chunk: DesignChunk, from: number, to: number, predictions: Float64Array): void {
      const { labels } = chunk;
      if (chunk.weights) addWeights(chunk, from, to, chunk.weights);
      for (let i = from; i < to; i++) {
        if (labels[i] === 1) clicked[clickedCount++] = predictions[i - from];
        else notClicked[notClickedCount++] = predictions[i - from];
      }
    },
    /** Returns the number of clicked rows. */
    clicks: (): number => clickedCount,
    /** @param baseRate The training rows' weighted click rate. */
    metrics: (baseRate: number): Metrics =>
      weights
        ? weightedMetricsOf(...weighted(weights), baseRate)
        : metricsOf(clickedOf(clicked), notClickedOf(notClicked), baseRate),
    /** Null if all rows were clicked, or none. */
    auc: (): number | null =>
      weights
        ? weightedAucOf(...weighted(weights))
        : aucOf(sortSpread(clickedOf(clicked)), sortSpread(notClickedOf(notClicked))),
  };
}
