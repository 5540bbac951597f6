/**
 * Returns the tolerance for rounding when a cumulative weight is compared: ten tenths add up to a little less than 1. Whole-number
 * weights, whose quantiles are at least 1/256 apart, are not affected.
 */
export function slackOf(total: number): number {
  return Math.min(total * 1e-12, 1e-3);
}

/** Returns whether a weight is at least that of `minCount` rows. Any positive weight suffices for a `minCount` of 1. */
export function isFrequent(weight: number, minCount: number): boolean {
  return weight > 0 && (minCount === 1 || weight >= minCount - Math.min(minCount * 1e-9, 0.5));
}
