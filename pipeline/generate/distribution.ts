import { exp } from "../math/elementary.ts";
import type { Random } from "../math/random.ts";

/**
 * Distributions as tables. Only + − × ÷ and comparisons are used, which IEEE 754 fixes to the last bit: with a
 * `Math.log` or `Math.sin`, two versions of V8 would generate different files.
 */

/** A curve through points, ascending in x: straight between them, flat outside. */
export interface Curve {
  readonly xs: Float64Array;
  readonly ys: Float64Array;
}

/** Reads a curve as tables spell it: `x:y` pairs with blanks between, as in "0:100 0.5:1000 1:60000". */
export function curve(text: string): Curve {
  const points = text.split(" ").map((pair) => pair.split(":").map(Number));
  return { xs: Float64Array.from(points, ([x]) => x), ys: Float64Array.from(points, ([, y]) => y) };
}

/** The curve's value at x. */
export function valueAt({ xs, ys }: Curve, x: number): number {
  let right = 0;
  while (right < xs.length && xs[right] < x) right++;
  if (right === 0) return ys[0];
  if (right === xs.length) return ys[right - 1];
  const left = right - 1;
  return ys[left] + (ys[right] - ys[left]) * ((x - xs[left]) / (xs[right] - xs[left]));
}

/** Cumulative shares of the weights, ascending to 1. */
export function cumulative(weights: readonly number[]): Float64Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  const shares = Float64Array.from(weights, (weight) => (sum += weight) / total);
  // Rounding may leave the last share a hair below 1, where a draw could fall beside the table.
  shares[shares.length - 1] = 1;
  return shares;
}

/** Index of an entry, drawn with the probability of its share. */
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

/** A bell-shaped number of mean 0 and standard deviation 1, never beyond ±√12: a sum of four uniform ones. */
export function drawBell(random: Random): number {
  const sum = random.uniform() + random.uniform() + random.uniform() + random.uniform();
  return (sum - 2) * 1.7320508075688772;
}

/** 1 / (1 + e^−z), the probability of log-odds z. */
export function logistic(z: number): number {
  const power = exp(-Math.abs(z));
  return z >= 0 ? 1 / (1 + power) : power / (1 + power);
}
