import { exp, log1p } from "../../math/elementary.ts";
import type { PlattMap } from "../../model/calibration_map.ts";
import type { RankedLogits } from "./isotonic.ts";

const stepsMax = 100;
/** A step of Newton's method that changes the loss by less than this share is the last one. */
const shareMin = 1e-14;

/**
 * Fits a logistic regression on one column, the log-odds, by Newton's method. Labels are moved a little towards the middle, as if
 * there were one more row of each class, so that the slope is finite even if the log-odds separate the classes.
 *
 * @returns undefined if the rate does not rise with the log-odds.
 * @see Platt, Probabilistic Outputs for Support Vector Machines (1999); Lin, Lin & Weng, A Note on Platt's Probabilistic Outputs
 *   (2007).
 */
export function fitPlatt({ logits, clicks, weights }: RankedLogits): PlattMap | undefined {
  let [ones, zeros] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    ones += clicks[i];
    zeros += weights[i] - clicks[i];
  }
  const [high, low] = [(ones + 1) / (ones + 2), 1 / (zeros + 2)];
  const evaluate = (slope: number, intercept: number) => {
    let loss = 0;
    let [g0, g1, h00, h01, h11] = [0, 0, 0, 0, 0];
    for (let i = 0; i < weights.length; i++) {
      const [z, weight] = [logits[i], weights[i]];
      const target = clicks[i] * high + (weight - clicks[i]) * low;
      const x = slope * z + intercept;
      const odds = exp(-Math.abs(x));
      const p = (x >= 0 ? 1 : odds) / (1 + odds);
      loss += weight * (log1p(odds) + (x > 0 ? x : 0)) - target * x;
      const residual = weight * p - target;
      const curvature = weight * p * (1 - p);
      g0 += residual;
      g1 += residual * z;
      h00 += curvature;
      h01 += curvature * z;
      h11 += curvature * z * z;
    }
    return { slope, intercept, loss, g0, g1, h00, h01, h11 };
  };
  let point = evaluate(1, 0);
  for (let step = 0; step < stepsMax; step++) {
    const { g0, g1, h00, h01, h11 } = point;
    // Keeps the step finite where all log-odds are equal, or probabilities are 0 or 1.
    const ridge = 1e-12 * (h00 + h11) + 1e-300;
    const determinant = (h00 + ridge) * (h11 + ridge) - h01 * h01;
    const bySlope = ((h00 + ridge) * g1 - h01 * g0) / determinant;
    const byIntercept = ((h11 + ridge) * g0 - h01 * g1) / determinant;
    let next = point;
    for (let share = 1; share > 1e-10; share /= 2) {
      const tried = evaluate(point.slope - share * bySlope, point.intercept - share * byIntercept);
      if (!(tried.loss < point.loss)) continue;
      next = tried;
      break;
    }
    const isLast = !(point.loss - next.loss > shareMin * point.loss);
    point = next;
    if (isLast) break;
  }
  const { slope, intercept } = point;
  return slope > 0 && Number.isFinite(slope) && Number.isFinite(intercept)
    ? { method: "platt", slope, intercept }
    : undefined;
}
