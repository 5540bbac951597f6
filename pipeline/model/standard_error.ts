import type { Encoder } from "../encode/encoder.ts";
import { factorise } from "../math/cholesky.ts";
import { createRowEncoder } from "./encoded_row.ts";

/** How sure a model is of its log-odds, from the covariance of its coefficients. */
export interface Certainty {
  /**
   * Standard error of the log-odds of a row that the model's predictor has answered: √(xᵀ·covariance·x), x with a 1 for the
   * intercept.
   *
   * @returns Infinity where the training rows tell nothing about such a row.
   */
  standardError(row: Readonly<Record<string, unknown>>): number;
}

/** Columns that a model left out as a combination of others: what a row must have there to be like the training rows. */
interface Restriction {
  readonly column: number;
  /** The combination: weights of the other columns, shape (columns + 1). */
  readonly weights: Float64Array;
}

/** A row's distance from the training rows' span that is still rounding. */
const restTolerance = 1e-6;

/**
 * Inverts a model's precision, a column at a time: the caller decides when to go on, so that nothing waits for all of it.
 *
 * @param precision Inverse covariance of the coefficients and, last, the intercept; shape (columns + 1, columns + 1).
 * @see McCullagh & Nelder, Generalized Linear Models (1989), section 4.4: the covariance is the inverse of XᵀWX.
 */
export function* invertPrecision(encoder: Encoder, precision: Float64Array): Generator<void, Certainty> {
  const size = encoder.columnCount + 1;
  const intercept = size - 1;
  // The intercept first: where columns are combinations of others, it is not the one that is left out.
  const order = [intercept, ...Array.from({ length: intercept }, (_, column) => column)];
  const { aliased, solve } = factorise(precision, size, order);
  const covariance = new Float64Array(size * size);
  const unit = new Float64Array(size);
  for (let column = 0; column < size; column++) {
    unit[column] = 1;
    covariance.set(solve(unit), column * size);
    unit[column] = 0;
    yield;
  }
  const restrictions = aliased.map((column): Restriction => ({
    column,
    weights: solve(precision.subarray(column * size, (column + 1) * size)),
  }));
  return certaintyOf(encoder, covariance, restrictions);
}

function certaintyOf(
  encoder: Encoder,
  covariance: Float64Array,
  restrictions: readonly Restriction[],
): Certainty {
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
  return {
    standardError(row) {
      count = 0;
      take(-1, size - 1, 1);
      encode(row, take);
      for (const { column, weights } of restrictions) {
        const at = columns.indexOf(column);
        const own = at >= 0 && at < count ? values[at] : 0;
        if (Math.abs(own - dot(weights, 0)) > restTolerance) return Infinity;
      }
      let variance = 0;
      for (let i = 0; i < count; i++) variance += values[i] * dot(covariance, columns[i] * size);
      return Math.sqrt(Math.max(0, variance));
    },
  };
}
