import { numberGroups } from "../../evaluate/ranked_rows.ts";
import { exp } from "../../math/elementary.ts";
import { factorise } from "../../math/cholesky.ts";
import type { OutOfFoldRows } from "./calibrate.ts";
import { fitPlatt } from "./platt.ts";

/** How the probabilities of rows that a model was not fitted to compare with their labels. */
export interface CalibrationCheck {
  /** Mean probability and rate. */
  readonly predicted: number;
  readonly observed: number;
  /** Slope of a platt map of the rows: below 1, log-odds are too far from the middle; undefined if the rate does not rise with them. */
  readonly slope: number | undefined;
  /** The squared distance from perfect calibration, and its degrees of freedom: its mean if the calibration is perfect. */
  readonly chiSquare: number;
  readonly degrees: number;
  /** Whether the calibration is off by more than chance and by an amount that matters. */
  readonly isOff: boolean;
}

const binsMax = 10;
/** Expected clicks, or other rows, from which the noise of a bin is known well enough. */
const eventsMin = 10;
const groupsMin = 100;
/** A normal number that is larger once in 2,000 times. */
const zMin = 3.3;
/** Least mean deviation beyond chance, relative to the rarer outcome's rate, that is worth a note: large data show any deviation. */
const deviationMin = 0.02;

/**
 * Tests whether rates agree with probabilities in up to 10 bins of the log-odds, which hold about as many expected events each. The
 * noise is that of groups: rows of a group may depend on each other.
 *
 * @returns undefined if the rows are too few to tell.
 * @see Hosmer & Lemeshow, Goodness of Fit Tests for the Multiple Logistic Regression Model (1980), for the bins; Liang & Zeger,
 *   Longitudinal Data Analysis Using Generalized Linear Models (1986), for the variance by groups.
 */
export function checkCalibration(rows: OutOfFoldRows): CalibrationCheck | undefined {
  const { logits, labels } = rows;
  const weights = Float64Array.from(logits, (_, i) => rows.weights ? rows.weights[i] : 1);
  const probabilities = Float64Array.from(logits, probabilityOf);
  const total = sumOver(weights, () => 1);
  const spread = sumOver(weights, (i) => probabilities[i] * (1 - probabilities[i]));
  const groups = numberGroups(rows.groups);
  const groupCount = groups.hashes.length;
  // As if the mean weight were 1, and each group one row: weights may be shares, and rows of a group copies.
  const binCount = Math.min(binsMax, Math.floor(spread / total * groupCount / eventsMin));
  if (binCount < 3 || groupCount < groupsMin) return undefined;
  const bins = binsOf(
    logits,
    (i) => weights[i] * probabilities[i] * (1 - probabilities[i]),
    spread / binCount,
  );
  const residualOf = (i: number) => weights[i] * (labels[i] - probabilities[i]);
  const { sums, variance } = sumByGroup({ bins, binCount, residualOf }, groups);
  raiseToIndependent(
    variance,
    bins,
    binCount,
    (i) => weights[i] ** 2 * probabilities[i] * (1 - probabilities[i]),
  );
  const { aliased, solve } = factorise(variance, binCount, [...sums.keys()]);
  const degrees = binCount - aliased.length;
  const chiSquare = solve(sums).reduce((sum, value, bin) => sum + value * sums[bin], 0) *
    (groupCount - degrees) / (groupCount - 1);
  const observed = sumOver(weights, (i) => labels[i]) / total;
  const deviation = sums.reduce((sum, value) => sum + Math.abs(value), 0) / total;
  const byChance = sums.reduce(
    (sum, _, bin) => sum + Math.sqrt(2 / Math.PI * variance[bin * binCount + bin]),
    0,
  ) / total;
  const clicks = Float64Array.from(weights, (weight, i) => weight * labels[i]);
  return {
    predicted: sumOver(weights, (i) => probabilities[i]) / total,
    observed,
    slope: fitPlatt({ logits, weights, clicks })?.slope,
    chiSquare,
    degrees,
    isOff: normalOf(chiSquare, degrees) > zMin &&
      deviation - byChance > deviationMin * Math.min(observed, 1 - observed),
  };
}

function probabilityOf(logit: number): number {
  const odds = exp(-Math.abs(logit));
  return (logit >= 0 ? 1 : odds) / (1 + odds);
}

function sumOver(weights: Float64Array, of: (row: number) => number): number {
  return weights.reduce((sum, weight, i) => sum + weight * of(i), 0);
}

/** Divides the rows by their log-odds, so that the sizes of the rows of each bin sum to about `size`. */
function binsOf(logits: Float64Array, sizeOf: (row: number) => number, size: number): Uint8Array {
  const order = Uint32Array.from(logits, (_, i) => i).sort((a, b) => logits[a] - logits[b] || a - b);
  const bins = new Uint8Array(logits.length);
  let [bin, before] = [0, 0];
  for (let k = 0; k < order.length; k++) {
    const row = order[k];
    // Rows of the same log-odds are in one bin.
    if (k > 0 && logits[row] > logits[order[k - 1]]) {
      while (before >= size * (bin + 1) * (1 - 1e-12) && bin < binsMax - 1) bin++;
    }
    bins[row] = bin;
    before += sizeOf(row);
  }
  return bins;
}

/** Sums the residuals of each bin, and estimates the covariance of the sums from those of the groups. */
function sumByGroup(
  { bins, binCount, residualOf }: {
    bins: Uint8Array;
    binCount: number;
    residualOf: (row: number) => number;
  },
  { ofRow, hashes }: ReturnType<typeof numberGroups>,
): { sums: Float64Array; variance: Float64Array } {
  const ends = new Uint32Array(hashes.length + 1);
  for (const group of ofRow) ends[group + 1]++;
  for (let group = 0; group < hashes.length; group++) ends[group + 1] += ends[group];
  const next = ends.slice();
  const order = new Uint32Array(ofRow.length);
  for (let row = 0; row < ofRow.length; row++) order[next[ofRow[row]]++] = row;
  const [sums, own] = [new Float64Array(binCount), new Float64Array(binCount)];
  const variance = new Float64Array(binCount * binCount);
  for (let group = 0; group < hashes.length; group++) {
    own.fill(0);
    for (let at = ends[group]; at < ends[group + 1]; at++) {
      const bin = Math.min(bins[order[at]], binCount - 1);
      own[bin] += residualOf(order[at]);
    }
    for (let a = 0; a < binCount; a++) {
      sums[a] += own[a];
      for (let b = 0; own[a] !== 0 && b < binCount; b++) variance[a * binCount + b] += own[a] * own[b];
    }
  }
  return { sums, variance };
}

/**
 * Raises the variance of each bin to that of independent rows with these probabilities, if it is less: where clicks are rare, few of
 * them would mean a small variance, too.
 */
function raiseToIndependent(
  variance: Float64Array,
  bins: Uint8Array,
  binCount: number,
  varianceOf: (row: number) => number,
): void {
  const independent = new Float64Array(binCount);
  for (let i = 0; i < bins.length; i++) independent[Math.min(bins[i], binCount - 1)] += varianceOf(i);
  for (let bin = 0; bin < binCount; bin++) {
    const at = bin * binCount + bin;
    variance[at] = Math.max(variance[at], independent[bin]);
  }
}

/**
 * Returns the standard normal number that is as unlikely as a value of the chi-square distribution.
 *
 * @see Wilson & Hilferty, The Distribution of Chi-Square (1931).
 */
function normalOf(chiSquare: number, degrees: number): number {
  const share = 2 / (9 * degrees);
  return (Math.cbrt(Math.max(0, chiSquare) / degrees) - (1 - share)) / Math.sqrt(share);
}
