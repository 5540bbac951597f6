/** Counts of measured values by size; numbers only, so that it can be copied to another thread and added up. */
export interface Histogram {
  /** Shape (bounds + 1): how many values lie in (bound before, bound], the last without a bound. */
  readonly counts: Float64Array;
  sum: number;
}

export function createHistogram(bounds: readonly number[]): Histogram {
  return { counts: new Float64Array(bounds.length + 1), sum: 0 };
}

/**
 * @param bounds Those that it was made with, ascending.
 * @param weight How many measurements this one stands for.
 */
export function observe(histogram: Histogram, bounds: readonly number[], value: number, weight = 1): void {
  let i = 0;
  while (i < bounds.length && value > bounds[i]) i++;
  histogram.counts[i] += weight;
  histogram.sum += weight * value;
}

/** Adds what another one has counted. Both are of the same bounds. */
export function addHistogram(into: Histogram, other: Histogram): void {
  for (let i = 0; i < into.counts.length; i++) into.counts[i] += other.counts[i];
  into.sum += other.sum;
}

export function countOf({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
