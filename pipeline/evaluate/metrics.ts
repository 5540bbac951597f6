import { log } from "../math/elementary.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { sortSpread } from "../math/bucket_sort.ts";

export const binCount = 10;
/** Probabilities are clipped to this distance from 0 and 1, so that one confident mistake has a finite log loss. */
export const probabilityMin = 1e-15;

/**
 * Computes the metrics of predicted probabilities.
 *
 * @param clickedRows,notClickedRows Probabilities of the clicked rows and of the others. May be reordered.
 * @param baseRate The training rows' click rate, which a model without features would predict.
 */
export function metricsOf(
  clickedRows: Float64Array,
  notClickedRows: Float64Array,
  baseRate: number,
): Metrics {
  const [clicked, notClicked] = [sortSpread(clickedRows), sortSpread(notClickedRows)];
  let loss = 0;
  let squares = 0;
  for (const p of clicked) {
    loss -= log(bounded(p));
    squares += (1 - p) ** 2;
  }
  for (const p of notClicked) {
    loss -= log(bounded(1 - p));
    squares += p ** 2;
  }
  return meanMetrics({
    clicked: clicked.length,
    notClicked: notClicked.length,
    loss,
    squares,
    auc: aucOf(clicked, notClicked),
    calibration: calibrationOf(clicked, notClicked),
  }, baseRate);
}

/** Sums over rows, each counted by its weight. */
interface MetricSums extends Pick<Metrics, "auc" | "calibration"> {
  /** Weight of the clicked rows and of the others. */
  readonly clicked: number;
  readonly notClicked: number;
  /** Σ log loss and Σ squared error. */
  readonly loss: number;
  readonly squares: number;
}

/** Divides the sums by the weight of all rows, and adds the calibration error and the log loss of the base rate. */
export function meanMetrics(sums: MetricSums, baseRate: number): Metrics {
  const { clicked, notClicked, loss, squares, auc, calibration } = sums;
  const total = clicked + notClicked;
  const base = bounded(baseRate);
  const baseLoss = -(clicked * log(base) + notClicked * log(bounded(1 - base)));
  const ece = calibration.reduce((sum, bin) => sum + bin.rows * Math.abs(bin.predicted - bin.observed), 0);
  return {
    log_loss: loss / total,
    auc,
    brier: squares / total,
    ece: ece / total,
    base_log_loss: baseLoss / total,
    calibration,
  };
}

export function bounded(probability: number): number {
  return Math.min(1 - probabilityMin, Math.max(probabilityMin, probability));
}

/**
 * Returns the area under the ROC curve: the share of pairs of a clicked and another row in which the clicked one has the
 * higher probability; ties count half (Mann & Whitney). Null if one of the classes is empty.
 *
 * @param clicked Ascending, as is `notClicked`.
 */
export function aucOf(clicked: Float64Array, notClicked: Float64Array): number | null {
  if (clicked.length === 0 || notClicked.length === 0) return null;
  let wins = 0;
  for (let i = 0, below = 0, upTo = 0; i < clicked.length; i++) {
    while (below < notClicked.length && notClicked[below] < clicked[i]) below++;
    while (upTo < notClicked.length && notClicked[upTo] <= clicked[i]) upTo++;
    wins += (below + upTo) / 2;
  }
  return wins / clicked.length / notClicked.length;
}

/** Returns bins of about equal row count by predicted probability. Rows with the same probability share a bin. */
function calibrationOf(clicked: Float64Array, notClicked: Float64Array): Metrics["calibration"] {
  const rowCount = clicked.length + notClicked.length;
  const bins: Metrics["calibration"] = [];
  for (let i = 0, j = 0; i + j < rowCount;) {
    const [iFrom, jFrom] = [i, j];
    const wanted = Math.ceil((rowCount * (bins.length + 1)) / binCount);
    const from = Math.min(clicked[i] ?? Infinity, notClicked[j] ?? Infinity);
    let to = from;
    let sum = 0;
    while (i + j < rowCount) {
      const next = Math.min(clicked[i] ?? Infinity, notClicked[j] ?? Infinity);
      if (i + j >= wanted && next !== to) break;
      if (clicked[i] === next) i++;
      else j++;
      sum += next;
      to = next;
    }
    const rows = i - iFrom + (j - jFrom);
    bins.push({ from, to, rows, predicted: sum / rows, observed: (i - iFrom) / rows });
  }
  return bins;
}
