import { normalQuantile } from "./normal_quantile.ts";

/**
 * Returns the interval of the probability behind a rate, which holds the rate itself.
 *
 * @param size Number of independent rows, above 0.
 * @param level Confidence level, such as 0.9.
 * @see Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).
 */
export function wilson(rate: number, size: number, level: number): { low: number; high: number } {
  const z = -normalQuantile((1 - level) / 2);
  const centre = (rate + z ** 2 / (2 * size)) / (1 + z ** 2 / size);
  const reach = z * Math.sqrt(rate * (1 - rate) / size + z ** 2 / (4 * size ** 2)) / (1 + z ** 2 / size);
  return {
    low: Math.min(rate, Math.max(0, centre - reach)),
    high: Math.max(rate, Math.min(1, centre + reach)),
  };
}
