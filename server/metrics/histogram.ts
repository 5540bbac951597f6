/** Counts of values by bucket. Data only: it can be posted to another thread and added to other histograms. */
export interface Histogram {
  /** Shape (bounds + 1): number of values in (previous bound, bound]; the last bucket has no bound. */
  readonly counts: Float64Array;
  sum: number;
}

export function createHistogram(bounds: readonly number[]): Histogram {
  return { counts: new Float64Array(bounds.length + 1), sum: 0 };
}

/**
 * Counts one value.
 *
 * @param bounds The bounds with which the histogram was created, ascending.
 * @param weight Number of measurements that the value stands for.
 */
export function observe(histogram: Histogram, bounds: readonly number[], value: number, weight = 1): void {
  let i = 0;
  while (i < bounds.length && value > bounds[i]) i++;
  histogram.counts[i] += weight;
  histogram.sum += weight * value;
}

/** Adds the counts of a histogram with the same bounds. */
export function addHistogram(into: Histogram, other: Histogram): void {
  for (let i = 0; i < into.counts.length; i++) into.counts[i] += other.counts[i];
  into.sum += other.sum;
}

export function countOf({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
