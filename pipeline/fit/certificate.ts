/**
 * The criterion by which a fit has converged. T is the gradient tolerance, `--tolerance`:
 *
 * - `step`: Newton's method. No entry of the gradient is above T, and the next Newton step would change no coefficient β by
 *   more than 10 T · max(1, |β|).
 * - `rounding`: Newton's method. No entry of the gradient is above T, and steps no longer shrink because of rounding.
 * - `gradient`: a design too wide for a Hessian. No entry of the gradient is above T.
 * - `decrease`: a design too wide for a Hessian. The objective can fall by at most 10 T, relative to its value.
 * - `subgradient`: an l1 penalty. No entry of the minimum-norm subgradient is above T.
 * - `epochs`, `early-stopping`: mini-batch training, which does not search for an optimum.
 */
export const criteria = [
  "step",
  "rounding",
  "gradient",
  "decrease",
  "subgradient",
  "epochs",
  "early-stopping",
] as const;
export type Criterion = typeof criteria[number];

/** How close a fit has come to the optimum. */
export interface Convergence {
  /** Absent if the fit has not converged. */
  readonly criterion?: Criterion;
  /** Newton's method: the largest change of a coefficient β by the next step, relative to max(1, |β|). */
  readonly step?: number;
  /** Wide designs: an upper bound of the objective's remaining decrease, relative to its value. */
  readonly decrease?: number;
}
