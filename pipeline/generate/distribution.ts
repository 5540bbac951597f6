import { exp } from "../math/elementary.ts";
import type { Random } from "../math/random.ts";

/**
 * Distributions as tables. They use only + − × ÷ and comparisons, whose results IEEE 754 defines exactly: with `Math.log`
 * or `Math.sin`, two versions of V8 could generate different files.
 */

/** A piecewise linear curve through points ascending in x, constant outside. */
export interface Curve {
  readonly xs: Float64Array;
  readonly ys: Float64Array;
}

/** Parses a curve written as `x:y` pairs separated by spaces, as in "0:100 0.5:1000 1:60000". */
export function curve(text: string): Curve {
  const points = text.split(" ").map((pair) => pair.split(":").map(Number));
  return { xs: Float64Array.from(points, ([x]) => x), ys: Float64Array.from(points, ([, y]) => y) };
}

/** Returns the curve's value at x. */
export function valueAt({ xs, ys }: Curve, x: number): number {
  let right = 0;
  while (right < xs.length && xs[right] < x) right++;
  if (right === 0) return ys[0];
  if (right === xs.length) return ys[right - 1];
  const left = right - 1;
  return ys[left] + (ys[right] - ys[left]) * ((x - xs[left]) / (xs[right] - xs[left]));
}

/** Returns the cumulative shares of the weights, ascending to 1. */
export function cumulative(weights: readonly number[]): Float64Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  const shares = Float64Array.from(weights, (weight) => (sum += weight) / total);
  // Rounding may leave the last share slightly below 1, and a draw above it would find no entry.
  shares[shares.length - 1] = 1;
  return shares;
}

/** Draws the index of an entry with the probability of its share. */
export function drawIndex(shares: Float64Array, random: Random): number {
  const u = random.uniform();
  let low = 0;
  let high = shares.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (u < shares[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Draws a bell-shaped number of mean 0 and standard deviation 1, within ±√12: a sum of four uniform numbers. */
export function drawBell(random: Random): number {
  const sum = random.uniform() + random.uniform() + random.uniform() + random.uniform();
  return (sum - 2) * 1.7320508075688772;
}

/** Returns 1 / (1 + e^−z), the probability of log-odds z. */
export function logistic(z: number): number {
  const power = exp(-Math.abs(z));
  return z >= 0 ? 1 / (1 + power) : power / (1 + power);
}
