import { normalQuantile } from "../math/normal_quantile.ts";
import { probabilityOf } from "./predictor.ts";

/** A confidence interval of a probability. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Returns the interval of the log-odds, converted to probabilities, so that it lies in [0, 1].
 *
 * @param standardError Standard error of the log-odds; if infinite, the interval is [0, 1].
 * @param level Confidence level, in (0, 1): the share of such intervals that contain the true probability.
 * @see Hosmer & Lemeshow, Applied Logistic Regression (2000), section 1.4.
 */
export function intervalAround(logit: number, standardError: number, level: number): Interval {
  if (standardError === Infinity) return { low: 0, high: 1 };
  // From the lower tail: with a level near 1, (1 + level) / 2 would round to 1, whose quantile is infinite.
  const reach = -normalQuantile((1 - level) / 2) * standardError;
  return { low: probabilityOf(logit - reach), high: probabilityOf(logit + reach) };
}
