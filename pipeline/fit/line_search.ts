import { addScaled, dot, type Point } from "./penalised.ts";

/** Armijo's constant: the share of the predicted decrease that a step must achieve. */
const sufficientDecrease = 1e-4;
const halvingsMax = 40;
/** A decrease below this share of the objective is lost in rounding. */
const roundingShare = 1e-13;
/** The share of the slope that may remain if only gradients can show progress. */
const slopeShareMax = 0.9;
const flatHalvingsMax = 3;

/** The result of a line search. `next` is absent if no step was accepted. */
export interface LineSearchResult {
  readonly next?: Point;
  /** Step length relative to the direction. */
  readonly step: number;
  readonly passes: number;
}

/**
 * Halves the step until it achieves a share of the predicted decrease.
 *
 * @param slope Predicted change of the objective by the whole step; negative.
 * @see Nocedal & Wright, Numerical Optimization (2006), section 3.1; with an l1 penalty, Lee, Sun & Saunders, Proximal
 *   Newton-Type Methods (2014), section 2.3; Hager & Zhang, A New Conjugate Gradient Method with Guaranteed Descent and an
 *   Efficient Line Search (2005), section 4, for the end.
 */
export async function lineSearch(
  from: Point,
  direction: Float64Array,
  slope: number,
  passesMax: number,
  evaluate: (coefficients: Float64Array) => Promise<Point>,
): Promise<LineSearchResult> {
  // Near the optimum the decrease is lost in rounding: compare gradients instead.
  const flat = isFlat(from, slope);
  const passesLimit = Math.min(passesMax, flat ? flatHalvingsMax : halvingsMax);
  for (let passes = 1, step = 1; passes <= passesLimit; passes++, step /= 2) {
    const next = await evaluate(addScaled(from.coefficients, direction, step));
    const isAccepted = flat
      ? next.gradientMax < from.gradientMax || isFlatter(from, next, direction, slope)
      : next.objective <= from.objective + sufficientDecrease * step * slope;
    if (isAccepted) return { next, step, passes };
  }
  return { step: 0, passes: passesLimit };
}

/** Whether the predicted change of the objective is lost in its rounding. */
export function isFlat({ objective }: Point, slope: number): boolean {
  return Math.abs(slope) <= roundingShare * Math.abs(objective);
}

/** Hager & Zhang's approximate Wolfe conditions: the objective is equal within rounding, and the slope has flattened. */
function isFlatter(from: Point, next: Point, direction: Float64Array, slope: number): boolean {
  const same = next.objective <= from.objective + roundingShare * Math.abs(from.objective);
  return same && Math.abs(dot(next.gradient, direction)) <= slopeShareMax * Math.abs(slope);
}
