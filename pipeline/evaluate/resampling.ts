import { mixed } from "../math/hash.ts";

/** A value with its confidence interval; null if there is none. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface ResampleOptions {
  /** Number of resamples. */
  readonly resamples: number;
  readonly seed: number;
}

/** Confidence level of all intervals of an evaluation. */
export const confidenceLevel = 0.9;

/** Upper ends of the intervals of 32-bit words that stand for 0, 1, 2, … occurrences: the distribution of Poisson with mean 1. */
export const poissonEnds: readonly number[] = poissonTable();

function poissonTable(): number[] {
  const ends: number[] = [];
  let [probability, sum] = [0.36787944117144233, 0];
  for (let count = 0; count < 12; count++) {
    sum += probability;
    ends.push(sum * 2 ** 32);
    probability /= count + 1;
  }
  return ends;
}

function countOf(word: number): number {
  let count = 0;
  while (count < poissonEnds.length && word >= poissonEnds[count]) count++;
  return count;
}

/** By the upper byte of a word: its count, or −1 if that depends on the other bytes. A look-up is faster than comparisons. */
export const countsByByte: Int8Array = Int8Array.from({ length: 256 }, (_, byte) => {
  const count = countOf(byte * 2 ** 24);
  return count === countOf(byte * 2 ** 24 + 2 ** 24 - 1) ? count : -1;
});

/**
 * Returns the salts of a resample, by which hashes of groups become words: how often each group occurs is drawn independently, Poisson
 * with mean 1. The draw depends on the hash of the group, the seed and the number of the resample alone, thus not on the order of the
 * rows, and two models get the same resamples.
 *
 * @see Chamandy et al., Estimating Uncertainty for Massive Data Streams (2012).
 */
export function saltsOf(resample: number, seed: number): [first: number, second: number] {
  const salt = mixed(mixed(seed + 0x632be5ab) + resample);
  return [salt, mixed(salt + 0x85157af5)];
}

/**
 * Derives the interval of a value from its values in the resamples: their quantiles, moved such that their mean is the value, since
 * those of a calibration error lie above it.
 *
 * @param low,high Range of possible values.
 * @returns Without an interval if there are few resamples that have a value, or fewer than two groups.
 */
export function estimateOf(
  value: number | null,
  resampled: readonly (number | null | undefined)[],
  { low, high }: { readonly low: number; readonly high: number },
): Estimate {
  const values = Float64Array.from(resampled.filter((one) => typeof one === "number")).sort();
  if (value === null || values.length < 2 || values.length < resampled.length / 2) {
    return { value, low: null, high: null };
  }
  const shift = value - values.reduce((sum, one) => sum + one, 0) / values.length;
  const tail = (1 - confidenceLevel) / 2;
  return {
    value,
    low: Math.min(value, Math.max(low, quantileOf(values, tail) + shift)),
    high: Math.max(value, Math.min(high, quantileOf(values, 1 - tail) + shift)),
  };
}

/** @param sorted Ascending, not empty. */
function quantileOf(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (at - Math.floor(at)) * (above - below);
}
