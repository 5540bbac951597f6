import { addScaled, dot, type Point } from "./penalised.ts";

/** Armijo's constant: the share of the promised decrease that a step must keep. */
const sufficientDecrease = 1e-4;
const halvingsMax = 40;
/** Below this share of the objective its own rounding hides a decrease. */
const roundingShare = 1e-13;
/** What may be left of the slope where only gradients can show progress. */
const slopeShareMax = 0.9;
const flatHalvingsMax = 3;

/** Where a line search ended; `next` is absent where no step was good. */
export interface LineSearchResult {
  readonly next?: Point;
  /** As a share of the direction. */
  readonly step: number;
  readonly passes: number;
}

/**
 * Halves the step until it keeps a share of the promised decrease.
 *
 * @param slope Promised change of the objective for the whole step; negative.
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
  // Near the optimum the objective's rounding hides its decrease: there the gradients decide.
  const flat = isFlat(from, slope);
  const passesLimit = Math.min(passesMax, flat ? flatHalvingsMax : halvingsMax);
  for (let passes = 1, step = 1; passes <= passesLimit; passes++, step /= 2) {
    const next = await evaluate(addScaled(from.coefficients, direction, step));
    const good = flat
      ? next.gradientMax < from.gradientMax || isFlatter(from, next, direction, slope)
      : next.objective <= from.objective + sufficientDecrease * step * slope;
    if (good) return { next, step, passes };
  }
  return { step: 0, passes: passesLimit };
}

/** Whether the objective's own rounding hides the change that a step promises. */
export function isFlat({ objective }: Point, slope: number): boolean {
  return Math.abs(slope) <= roundingShare * Math.abs(objective);
}

/** Hager & Zhang's approximate Wolfe conditions: the objective is the same to rounding, and the slope has flattened. */
function isFlatter(from: Point, next: Point, direction: Float64Array, slope: number): boolean {
  const same = next.objective <= from.objective + roundingShare * Math.abs(from.objective);
  return same && Math.abs(dot(next.gradient, direction)) <= slopeShareMax * Math.abs(slope);
}
