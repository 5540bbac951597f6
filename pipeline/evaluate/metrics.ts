import { log } from "../math/elementary.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { sortSpread } from "../math/bucket_sort.ts";

export const binCount = 10;
/** Probabilities are kept off 0 and 1 by this, so that one sure mistake costs much but not all. */
const probabilityMin = 1e-15;

/**
 * How good predicted probabilities are.
 *
 * @param clickedRows,notClickedRows Probabilities of the rows that were clicked, and of those that were not. May be reordered.
 * @param baseRate The training rows' click rate: what a model without features would predict.
 */
export function metricsOf(
  clickedRows: Float64Array,
  notClickedRows: Float64Array,
  baseRate: number,
): Metrics {
  const [clicked, notClicked] = [sortSpread(clickedRows), sortSpread(notClickedRows)];
  const rowCount = clicked.length + notClicked.length;
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
  const base = bounded(baseRate);
  const baseLoss = -(clicked.length * log(base) + notClicked.length * log(bounded(1 - base)));
  const calibration = calibrationOf(clicked, notClicked);
  const ece = calibration.reduce((sum, bin) => sum + bin.rows * Math.abs(bin.predicted - bin.observed), 0) /
    rowCount;
  return {
    log_loss: loss / rowCount,
    auc: aucOf(clicked, notClicked),
    brier: squares / rowCount,
    ece,
    base_log_loss: baseLoss / rowCount,
    calibration,
  };
}

export function bounded(probability: number): number {
  return Math.min(1 - probabilityMin, Math.max(probabilityMin, probability));
}

/**
 * Area under the ROC curve: the share of pairs of a clicked and another row in which the clicked one has the higher
 * probability; ties count half (Mann & Whitney). Null where one of the classes is empty.
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

/** Bins of about equally many rows by predicted probability; rows of one probability are never told apart. */
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
