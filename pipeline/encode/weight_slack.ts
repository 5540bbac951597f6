/**
 * By how much sums of weights may miss a place among them for rounding alone: tenths add up to a little less than a whole. For
 * whole-number weights, whose places are at least 1/256 apart, it changes nothing.
 */
export function slackOf(total: number): number {
  return Math.min(total * 1e-12, 1e-3);
}

/** Whether so much weight is that of `minCount` rows. What occurs at all has 1, whatever its weight. */
export function isFrequent(weight: number, minCount: number): boolean {
  return weight > 0 && (minCount === 1 || weight >= minCount - Math.min(minCount * 1e-9, 0.5));
}
