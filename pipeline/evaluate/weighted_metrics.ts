import { slackOf } from "../encode/weight_slack.ts";
import { sortSpread } from "../math/bucket_sort.ts";
import { log } from "../math/elementary.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { binCount, bounded, meanMetrics } from "./metrics.ts";

/** Predictions of some rows (probabilities or log-odds) and the rows' weights, shape (rows) each. */
export interface WeightedRows {
  readonly values: Float64Array;
  readonly weights: Float64Array;
}

/** The distinct predictions and the weight of the rows at each, shape (distinct predictions) each. */
interface DistinctPredictions {
  /** Ascending. */
  readonly values: Float64Array;
  readonly clicked: Float64Array;
  readonly notClicked: Float64Array;
}

/**
 * Computes the metrics of rows with weights. With whole-number weights they equal `metricsOf` of the rows repeated that many
 * times. The `rows` of a calibration bin are its weight.
 *
 * @param baseRate The training rows' weighted click rate.
 */
export function weightedMetricsOf(
  clickedRows: WeightedRows,
  notClickedRows: WeightedRows,
  baseRate: number,
): Metrics {
  const distinct = distinctOf(clickedRows, notClickedRows);
  const { values, clicked, notClicked } = distinct;
  const weights = { clicked: sumOf(clicked), notClicked: sumOf(notClicked) };
  let loss = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    if (clicked[i] > 0) loss -= clicked[i] * log(bounded(values[i]));
    if (notClicked[i] > 0) loss -= notClicked[i] * log(bounded(1 - values[i]));
    squares += clicked[i] * (1 - values[i]) ** 2 + notClicked[i] * values[i] ** 2;
  }
  const calibration = calibrationOf(distinct, weights.clicked + weights.notClicked);
  return meanMetrics({ ...weights, loss, squares, auc: aucOf(distinct), calibration }, baseRate);
}

/** Returns the area under the ROC curve of rows with weights: a pair counts by the product of its rows' weights. */
export function weightedAucOf(clickedRows: WeightedRows, notClickedRows: WeightedRows): number | null {
  return aucOf(distinctOf(clickedRows, notClickedRows));
}

function aucOf({ values, clicked, notClicked }: DistinctPredictions): number | null {
  let wins = 0;
  let [clickedTotal, below] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    wins += clicked[i] * (below + notClicked[i] / 2);
    clickedTotal += clicked[i];
    below += notClicked[i];
  }
  return clickedTotal > 0 && below > 0 ? wins / clickedTotal / below : null;
}

/** Returns bins of about equal weight by predicted probability. Rows with the same probability share a bin. */
function calibrationOf(
  { values, clicked, notClicked }: DistinctPredictions,
  total: number,
): Metrics["calibration"] {
  const slack = slackOf(total);
  const bins: Metrics["calibration"] = [];
  for (let i = 0, before = 0; i < values.length;) {
    const wanted = (total * (bins.length + 1)) / binCount - slack;
    const from = i;
    let [weight, clickedWeight, sum] = [0, 0, 0];
    while (i < values.length && (i === from || before + weight < wanted)) {
      weight += clicked[i] + notClicked[i];
      clickedWeight += clicked[i];
      sum += (clicked[i] + notClicked[i]) * values[i];
      i++;
    }
    before += weight;
    bins.push({
      from: values[from],
      to: values[i - 1],
      rows: weight,
      predicted: sum / weight,
      observed: clickedWeight / weight,
    });
  }
  return bins;
}

function distinctOf(clickedRows: WeightedRows, notClickedRows: WeightedRows): DistinctPredictions {
  const all = new Float64Array(clickedRows.values.length + notClickedRows.values.length);
  all.set(clickedRows.values);
  all.set(notClickedRows.values, clickedRows.values.length);
  const sorted = sortSpread(all);
  let count = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (count === 0 || sorted[i] !== sorted[count - 1]) sorted[count++] = sorted[i];
  }
  const values = sorted.subarray(0, count);
  return { values, clicked: weightsAt(values, clickedRows), notClicked: weightsAt(values, notClickedRows) };
}

/** Sums the weights of the rows at each value. @param values Ascending; contains the value of every row. */
function weightsAt(values: Float64Array, rows: WeightedRows): Float64Array {
  const sums = new Float64Array(values.length);
  for (let i = 0; i < rows.values.length; i++) {
    let [from, to] = [0, values.length - 1];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (values[middle] < rows.values[i]) from = middle + 1;
      else to = middle;
    }
    sums[from] += rows.weights[i];
  }
  return sums;
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
