import { log } from "../math/elementary.ts";
import { slackOf } from "../encode/weight_slack.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { binCount, bounded } from "./metrics.ts";
import { sortSpread } from "../math/bucket_sort.ts";

/** Predictions of some rows, probabilities or log-odds, and the rows' weights: shape (rows) each. */
export interface Weighed {
  readonly values: Float64Array;
  readonly weights: Float64Array;
}

/** Which predictions there are, and how much weight each has: shape (distinct predictions) each. */
interface Distinct {
  /** Ascending. */
  readonly values: Float64Array;
  /** Of the rows that were clicked. */
  readonly clicked: Float64Array;
  readonly notClicked: Float64Array;
}

/**
 * As `metricsOf`, if rows have weights: with whole-number weights, that of the rows with each one repeated. The `rows` of a
 * calibration bin are its weight.
 *
 * @param baseRate The training rows' click rate, by their weights.
 */
export function weightedMetricsOf(clickedRows: Weighed, notClickedRows: Weighed, baseRate: number): Metrics {
  const distinct = distinctOf(clickedRows, notClickedRows);
  const { values, clicked, notClicked } = distinct;
  const [clickedTotal, otherTotal] = [sumOf(clicked), sumOf(notClicked)];
  const total = clickedTotal + otherTotal;
  let loss = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    if (clicked[i] > 0) loss -= clicked[i] * log(bounded(values[i]));
    if (notClicked[i] > 0) loss -= notClicked[i] * log(bounded(1 - values[i]));
    squares += clicked[i] * (1 - values[i]) ** 2 + notClicked[i] * values[i] ** 2;
  }
  const base = bounded(baseRate);
  const baseLoss = -(clickedTotal * log(base) + otherTotal * log(bounded(1 - base)));
  const calibration = calibrationOf(distinct, total);
  const ece = calibration.reduce((sum, bin) => sum + bin.rows * Math.abs(bin.predicted - bin.observed), 0);
  return {
    log_loss: loss / total,
    auc: aucOf(distinct),
    brier: squares / total,
    ece: ece / total,
    base_log_loss: baseLoss / total,
    calibration,
  };
}

/** As `aucOf` of metrics.ts, if rows have weights: a pair counts by the product of its rows' weights. */
export function weightedAucOf(clickedRows: Weighed, notClickedRows: Weighed): number | null {
  return aucOf(distinctOf(clickedRows, notClickedRows));
}

function aucOf({ values, clicked, notClicked }: Distinct): number | null {
  let wins = 0;
  let [clickedTotal, below] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    wins += clicked[i] * (below + notClicked[i] / 2);
    clickedTotal += clicked[i];
    below += notClicked[i];
  }
  return clickedTotal > 0 && below > 0 ? wins / clickedTotal / below : null;
}

/** Bins of about equal weight by predicted probability; rows of one probability are never told apart. */
function calibrationOf({ values, clicked, notClicked }: Distinct, total: number): Metrics["calibration"] {
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

function distinctOf(clickedRows: Weighed, notClickedRows: Weighed): Distinct {
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

/** The weight of the rows at each of the values. @param values Ascending; each of the rows has one of them. */
function weightsAt(values: Float64Array, rows: Weighed): Float64Array {
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
