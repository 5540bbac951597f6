import { moved, type Point } from "./penalised.ts";

/** Armijo's constant: the share of the promised decrease that a step must keep. */
const sufficientDecrease = 1e-4;
const halvingsMax = 40;
/** Below this share of the objective its own rounding hides a decrease. */
const roundingShare = 1e-13;

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
 *   Newton-Type Methods (2014), section 2.3.
 */
export async function searchLine(
  from: Point,
  direction: Float64Array,
  slope: number,
  passesMax: number,
  evaluate: (coefficients: Float64Array) => Promise<Point>,
): Promise<LineSearchResult> {
  // Near the optimum the objective's rounding hides its decrease: there the gradient decides.
  const flat = Math.abs(slope) <= roundingShare * Math.abs(from.objective);
  const passesLimit = Math.min(passesMax, halvingsMax);
  for (let passes = 1, step = 1; passes <= passesLimit; passes++, step /= 2) {
    const next = await evaluate(moved(from.coefficients, direction, step));
    const good = flat
      ? next.gradientMax < from.gradientMax
      : next.objective <= from.objective + sufficientDecrease * step * slope;
    if (good) return { next, step, passes };
    // No shorter step will show what rounding hides.
    if (flat) return { step, passes };
  }
  return { step: 0, passes: passesLimit };
}
