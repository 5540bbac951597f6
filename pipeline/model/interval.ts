import { normalQuantile } from "../math/normal_quantile.ts";
import { probabilityOf } from "./predictor.ts";

/** Where a probability lies with the given confidence. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * The interval of the log-odds, taken to probabilities: it never leaves [0, 1].
 *
 * @param standardError Of the log-odds; where it is infinite the interval is all of [0, 1].
 * @param level In (0, 1): how often such intervals hold the true probability.
 * @see Hosmer & Lemeshow, Applied Logistic Regression (2000), section 1.4.
 */
export function intervalAround(logit: number, standardError: number, level: number): Interval {
  if (standardError === Infinity) return { low: 0, high: 1 };
  // By the lower tail: near 1, (1 + level) / 2 would be 1, whose quantile is infinite.
  const reach = -normalQuantile((1 - level) / 2) * standardError;
  return { low: probabilityOf(logit - reach), high: probabilityOf(logit + reach) };
}
