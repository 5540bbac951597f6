import { growth } from "./boost_rows.ts";
import type { BinRange, Histogram } from "./histograms.ts";

/** The best division of a leaf's rows that was found so far. Reused from leaf to leaf. */
export interface Split {
  gain: number;
  field: number;
  /** Numeric: bins from here on go to the right. */
  cut: number;
  /** Numeric: whether bin 0 goes to the left. */
  missingLeft: boolean;
  /** Categorical: the bins that go to the left. */
  levels: readonly number[] | undefined;
  /** Sums of the left side. */
  gradient: number;
  curvature: number;
  weight: number;
}

/** Sums over all rows of a leaf. */
export interface LeafSums {
  readonly gradient: number;
  readonly curvature: number;
  readonly weight: number;
}

export function noSplit(): Split {
  return {
    gain: growth.gainMin,
    field: -1,
    cut: 0,
    missingLeft: true,
    levels: undefined,
    gradient: 0,
    curvature: 0,
    weight: 0,
  };
}

/**
 * Tries every cut of a numeric field, with missing values on the left and, if there are any, on the right. The first of equal ones
 * is kept.
 */
export function scanCuts(
  best: Split,
  field: number,
  histogram: Histogram,
  offset: number,
  range: BinRange,
  sums: LeafSums,
  l2: number,
): void {
  const at = 3 * offset;
  const missing = histogram[at + 2];
  scanFrom(best, field, histogram, offset, range, sums, l2, true, histogram[at], histogram[at + 1], missing);
  if (missing > 0) scanFrom(best, field, histogram, offset, range, sums, l2, false, 0, 0, 0);
}

/** Tries the cuts with the given sums on the left before the first bin. */
function scanFrom(
  best: Split,
  field: number,
  histogram: Histogram,
  offset: number,
  { from, to }: BinRange,
  { gradient, curvature, weight }: LeafSums,
  l2: number,
  missingLeft: boolean,
  leftGradient: number,
  leftCurvature: number,
  leftWeight: number,
): void {
  const { leafRows } = growth;
  const whole = gradient * gradient / (curvature + l2);
  // After the last bin with rows.
  let lowest = from;
  for (let bin = from; bin < to; bin++) {
    const at = 3 * (offset + bin);
    const count = histogram[at + 2];
    if (count === 0) continue;
    if (leftWeight >= leafRows) {
      if (weight - leftWeight < leafRows) return;
      const right = gradient - leftGradient;
      const gain = leftGradient * leftGradient / (leftCurvature + l2) +
        right * right / (curvature - leftCurvature + l2) - whole;
      if (gain > best.gain) {
        best.gain = gain;
        best.field = field;
        // In the middle of bins without rows, where either side is as likely.
        best.cut = (lowest + bin + 1) >> 1;
        best.missingLeft = missingLeft;
        best.levels = undefined;
        best.gradient = leftGradient;
        best.curvature = leftCurvature;
        best.weight = leftWeight;
      }
    }
    leftGradient += histogram[at];
    leftCurvature += histogram[at + 1];
    leftWeight += count;
    lowest = bin + 1;
  }
}

/** Tries each level of a categorical field against the others. */
export function scanLevels(
  best: Split,
  field: number,
  histogram: Histogram,
  offset: number,
  binCount: number,
  { gradient, curvature, weight }: LeafSums,
  l2: number,
): void {
  const { leafRows } = growth;
  const whole = gradient * gradient / (curvature + l2);
  for (let level = 0; level < binCount; level++) {
    const at = 3 * (offset + level);
    const count = histogram[at + 2];
    if (count < leafRows || weight - count < leafRows) continue;
    const left = histogram[at];
    const right = gradient - left;
    const gain = left * left / (histogram[at + 1] + l2) +
      right * right / (curvature - histogram[at + 1] + l2) - whole;
    if (gain > best.gain) setLevels(best, gain, field, [level], left, histogram[at + 1], count);
  }
}

/**
 * Tries sets of levels of a categorical field: the first or last few of those with enough rows, in the order of their rates.
 *
 * @see Ke et al., LightGBM: A Highly Efficient Gradient Boosting Decision Tree (2017).
 */
export function scanSubsets(
  best: Split,
  field: number,
  histogram: Histogram,
  offset: number,
  binCount: number,
  { gradient, curvature, weight }: LeafSums,
  usualL2: number,
): void {
  const { leafRows, subsetL2, subsetMax } = growth;
  const levels: number[] = [];
  for (let level = 0; level < binCount; level++) {
    if (histogram[3 * (offset + level) + 2] >= leafRows) levels.push(level);
  }
  if (levels.length < 2) return;
  const l2 = usualL2 + subsetL2;
  const rate = (level: number) =>
    histogram[3 * (offset + level)] / (histogram[3 * (offset + level) + 1] + subsetL2);
  const rates = new Map(levels.map((level) => [level, rate(level)]));
  levels.sort((a, b) => (rates.get(a) ?? 0) - (rates.get(b) ?? 0) || a - b);
  const whole = gradient * gradient / (curvature + l2);
  for (let fromEnd = 0; fromEnd < 2; fromEnd++) {
    if (fromEnd === 1) levels.reverse();
    let [left, leftCurvature, leftWeight, count] = [0, 0, 0, 0];
    let [bestGain, bestCount, bestLeft, bestCurvature, bestWeight] = [best.gain, 0, 0, 0, 0];
    for (const level of levels) {
      if (count === subsetMax) break;
      const at = 3 * (offset + level);
      left += histogram[at];
      leftCurvature += histogram[at + 1];
      leftWeight += histogram[at + 2];
      count++;
      if (weight - leftWeight < leafRows) break;
      const right = gradient - left;
      const gain = left * left / (leftCurvature + l2) + right * right / (curvature - leftCurvature + l2) -
        whole;
      if (gain <= bestGain) continue;
      [bestGain, bestCount, bestLeft, bestCurvature, bestWeight] = [
        gain,
        count,
        left,
        leftCurvature,
        leftWeight,
      ];
    }
    if (bestCount === 0) continue;
    setLevels(best, bestGain, field, levels.slice(0, bestCount), bestLeft, bestCurvature, bestWeight);
  }
}

function setLevels(
  best: Split,
  gain: number,
  field: number,
  levels: readonly number[],
  gradient: number,
  curvature: number,
  weight: number,
): void {
  Object.assign(best, { gain, field, levels, gradient, curvature, weight });
}
