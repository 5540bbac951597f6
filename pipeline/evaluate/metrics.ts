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
  const sums = createSums(clickedRows.length + notClickedRows.length);
  sums.add(sortSpread(clickedRows), sortSpread(notClickedRows));
  return meanMetrics(sums.get(), baseRate);
}

/** Rows with their probabilities, which need not all be in memory at once. */
export interface PredictedRows {
  readonly rowCount: number;
  /** Calls `use` with all rows, block by block; a block's arrays are valid until the next. Labels are 1 or 0. */
  forBlocks(use: (probabilities: Float64Array, labels: Uint8Array) => void): void;
}

/** Rows that are sorted at a time, about: sorted copies of all rows of a large data set would take more memory than its training. */
const sliceRows = 2 ** 20;
/** Probabilities from which the bounds of slices are chosen. */
const boundSample = 2 ** 16;

/**
 * Computes the metrics of rows slice by slice of their probabilities: those of `metricsOf`, but for the rounding of sums over more than
 * one slice.
 *
 * @param rowsPerSlice For tests.
 */
export function metricsOfRows(rows: PredictedRows, baseRate: number, rowsPerSlice = sliceRows): Metrics {
  const bounds = boundsOf(rows, rowsPerSlice);
  const counts = countSlices(rows, bounds);
  const sums = createSums(rows.rowCount);
  for (let slice = 0; slice <= bounds.length; slice++) {
    const own = {
      clicked: new Float64Array(counts[slice][1]),
      notClicked: new Float64Array(counts[slice][0]),
    };
    const [from, to] = [bounds[slice - 1] ?? -Infinity, bounds[slice] ?? Infinity];
    let [clickedAt, notClickedAt] = [0, 0];
    rows.forBlocks((probabilities, labels) => {
      for (let i = 0; i < probabilities.length; i++) {
        const value = probabilities[i];
        if (value < from || value >= to) continue;
        if (labels[i] === 1) own.clicked[clickedAt++] = value;
        else own.notClicked[notClickedAt++] = value;
      }
    });
    sums.add(sortSpread(own.clicked), sortSpread(own.notClicked));
  }
  return meanMetrics(sums.get(), baseRate);
}

/** Returns probabilities, ascending, at which slices of about equal numbers of rows begin, but for the first. */
function boundsOf(rows: PredictedRows, rowsPerSlice: number): Float64Array {
  const sliceCount = Math.ceil(rows.rowCount / rowsPerSlice);
  if (sliceCount <= 1) return new Float64Array();
  const step = Math.ceil(rows.rowCount / boundSample);
  const sample: number[] = [];
  let row = 0;
  rows.forBlocks((probabilities) => {
    for (let i = (step - row % step) % step; i < probabilities.length; i += step) {
      sample.push(probabilities[i]);
    }
    row += probabilities.length;
  });
  const ascending = Float64Array.from(sample).sort();
  const bounds = new Set<number>();
  for (let slice = 1; slice < sliceCount; slice++) {
    bounds.add(ascending[Math.floor(slice * ascending.length / sliceCount)]);
  }
  return Float64Array.from(bounds);
}

/** Returns the numbers of rows by slice and label, shape (slices)(2). */
function countSlices(rows: PredictedRows, bounds: Float64Array): number[][] {
  const counts = Array.from({ length: bounds.length + 1 }, () => [0, 0]);
  rows.forBlocks((probabilities, labels) => {
    for (let i = 0; i < probabilities.length; i++) {
      let slice = 0;
      while (slice < bounds.length && probabilities[i] >= bounds[slice]) slice++;
      counts[slice][labels[i]]++;
    }
  });
  return counts;
}

/** Returns sums over slices of the rows. @param rowCount Of all slices. */
function createSums(rowCount: number) {
  const calibration = createCalibration(rowCount);
  let [loss, squares, clickedCount, notClickedCount, wins] = [0, 0, 0, 0, 0];
  return {
    /** Adds the rows whose probabilities follow those of the slices before, ascending. */
    add(clicked: Float64Array, notClicked: Float64Array): void {
      for (const p of clicked) {
        loss -= log(bounded(p));
        squares += (1 - p) ** 2;
      }
      for (const p of notClicked) {
        loss -= log(bounded(1 - p));
        squares += p ** 2;
      }
      wins += winsOf(clicked, notClicked, notClickedCount);
      calibration.add(clicked, notClicked);
      clickedCount += clicked.length;
      notClickedCount += notClicked.length;
    },
    get: (): MetricSums => ({
      clicked: clickedCount,
      notClicked: notClickedCount,
      loss,
      squares,
      auc: shareOf(wins, clickedCount, notClickedCount),
      calibration: calibration.bins(),
    }),
  };
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
  return shareOf(winsOf(clicked, notClicked, 0), clicked.length, notClicked.length);
}

function shareOf(wins: number, clicked: number, notClicked: number): number | null {
  return clicked === 0 || notClicked === 0 ? null : wins / clicked / notClicked;
}

/** Returns the number of pairs in which the clicked row is ranked first; ties count half. @param before Other rows below all of these. */
function winsOf(clicked: Float64Array, notClicked: Float64Array, before: number): number {
  let wins = 0;
  for (let i = 0, below = 0, upTo = 0; i < clicked.length; i++) {
    while (below < notClicked.length && notClicked[below] < clicked[i]) below++;
    while (upTo < notClicked.length && notClicked[upTo] <= clicked[i]) upTo++;
    wins += before + (below + upTo) / 2;
  }
  return wins;
}

/** Returns bins of about equal row count by predicted probability. Rows with the same probability share a bin. @param rowCount Of all slices. */
function createCalibration(rowCount: number) {
  const bins: Metrics["calibration"] = [];
  let [from, to, rows, clicks, sum, before] = [0, 0, 0, 0, 0, 0];
  const wanted = () => Math.ceil((rowCount * (bins.length + 1)) / binCount);
  let rowsWanted = wanted();
  const end = () => {
    if (rows === 0) return;
    bins.push({ from, to, rows, predicted: sum / rows, observed: clicks / rows });
    before += rows;
    [rows, clicks, sum] = [0, 0, 0];
    rowsWanted = wanted();
  };
  return {
    /** Adds rows whose probabilities follow those before, ascending. */
    add(clicked: Float64Array, notClicked: Float64Array): void {
      const count = clicked.length + notClicked.length;
      for (let i = 0, j = 0; i + j < count;) {
        const isClicked = j >= notClicked.length || clicked[i] <= notClicked[j];
        const next = isClicked ? clicked[i] : notClicked[j];
        if (rows > 0 && before + rows >= rowsWanted && next !== to) end();
        if (rows === 0) from = next;
        if (isClicked) {
          i++;
          clicks++;
        } else j++;
        rows++;
        sum += next;
        to = next;
      }
    },
    bins(): Metrics["calibration"] {
      end();
      return bins;
    },
  };
}
