import type { Encoder } from "../encode/encoder.ts";
import { factorise } from "../math/cholesky.ts";
import { normalQuantile } from "../math/normal_quantile.ts";
import { createRowEncoder } from "./encoded_row.ts";
import { probabilityOf } from "./predictor.ts";

/**
 * Returns the standard error of the log-odds of a row that the model's predictor has answered: √(xᵀ·covariance·x), where x
 * has a 1 for the intercept.
 *
 * @returns Infinity if the training rows do not determine the log-odds of such a row.
 */
export type StandardErrorOf = (row: Readonly<Record<string, unknown>>) => number;

/** A column that was a combination of others in training: only rows that satisfy it are like the training rows. */
interface Restriction {
  readonly column: number;
  /** Weights of the other columns in the combination, shape (columns + 1). */
  readonly weights: Float64Array;
}

/** A distance from the span of the training rows up to this is rounding. */
const distanceTolerance = 1e-6;

/**
 * Inverts a model's precision. Yields after each column, so that the caller can interleave other work.
 *
 * @param precision Inverse covariance of the coefficients and, last, the intercept; shape (columns + 1, columns + 1).
 * @param robust The covariance to use in place of the inverse, of the same shape; the precision then tells only which rows are like the
 *   training rows.
 * @see McCullagh & Nelder, Generalized Linear Models (1989), section 4.4: the covariance is the inverse of XᵀWX.
 */
export function* invertPrecision(
  encoder: Encoder,
  precision: Float64Array,
  robust?: Float64Array,
): Generator<void, StandardErrorOf> {
  const size = encoder.columnCount + 1;
  const intercept = size - 1;
  // The intercept first, so that it is never the one left out among columns that are combinations of others.
  const order = [intercept, ...Array.from({ length: intercept }, (_, column) => column)];
  const { aliased, solve } = factorise(precision, size, order);
  const covariance = robust ?? new Float64Array(size * size);
  const unit = new Float64Array(size);
  for (let column = 0; robust === undefined && column < size; column++) {
    unit[column] = 1;
    covariance.set(solve(unit), column * size);
    unit[column] = 0;
    yield;
  }
  const restrictions = aliased.map((column): Restriction => ({
    column,
    weights: solve(precision.subarray(column * size, (column + 1) * size)),
  }));
  return createStandardError(encoder, covariance, restrictions);
}

function createStandardError(
  encoder: Encoder,
  covariance: Float64Array,
  restrictions: readonly Restriction[],
): StandardErrorOf {
  const encode = createRowEncoder(encoder);
  const size = encoder.columnCount + 1;
  const columns = new Int32Array(size);
  const values = new Float64Array(size);
  let count = 0;
  const take = (_: number, column: number, value: number) => {
    columns[count] = column;
    values[count++] = value;
  };
  const dot = (vector: Float64Array, from: number) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[i] * vector[from + columns[i]];
    return sum;
  };
  return (row) => {
    count = 0;
    take(-1, size - 1, 1);
    encode(row, take);
    for (const { column, weights } of restrictions) {
      const at = columns.indexOf(column);
      const own = at >= 0 && at < count ? values[at] : 0;
      if (Math.abs(own - dot(weights, 0)) > distanceTolerance) return Infinity;
    }
    let variance = 0;
    for (let i = 0; i < count; i++) variance += values[i] * dot(covariance, columns[i] * size);
    return Math.sqrt(Math.max(0, variance));
  };
}

/** A confidence interval of a probability. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Returns the interval of the log-odds, converted to probabilities, so that it lies in [0, 1].
 *
 * @param logit The model's log-odds before an isotonic map.
 * @param standardError Standard error of the log-odds; if infinite, the interval is [0, 1].
 * @param calibrated The model's isotonic map, if it has one.
 * @param level Confidence level, in (0, 1): the share of such intervals that contain the true probability.
 * @see Hosmer & Lemeshow, Applied Logistic Regression (2000), section 1.4.
 */
export function intervalAround(
  logit: number,
  standardError: number,
  level: number,
  calibrated: (logit: number) => number = (logit) => logit,
): Interval {
  if (standardError === Infinity) return { low: 0, high: 1 };
  // From the lower tail: with a level near 1, (1 + level) / 2 would round to 1, whose quantile is infinite.
  const reach = -normalQuantile((1 - level) / 2) * standardError;
  // The map ascends, so that the interval contains the calibrated probability. Its own uncertainty is not counted.
  return { low: probabilityOf(calibrated(logit - reach)), high: probabilityOf(calibrated(logit + reach)) };
}
