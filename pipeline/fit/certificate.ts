/**
 * Which part of the rule of convergence a fit meets. T is the gradient's tolerance, `--tolerance`:
 *
 * - `step`: Newton's method. No entry of the gradient is above T, and the next Newton step would change no coefficient β by
 *   more than 10 T · max(1, |β|).
 * - `rounding`: Newton's method. No entry of the gradient is above T, and the rounding of the data keeps steps from shrinking.
 * - `gradient`: no entry of the gradient is above T, in a design that is too wide for a Hessian.
 * - `decrease`: the objective can fall by no more than 10 T of itself, in such a design.
 * - `subgradient`: an l1 penalty. No entry of the subgradient nearest to 0 is above T.
 * - `epochs`, `early-stopping`: mini-batches, which do not look for an optimum.
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

/** How near to an optimum a fit has come. */
export interface Convergence {
  /** Absent if the fit has not converged. */
  readonly criterion?: Criterion;
  /** Newton's method: the largest change of a coefficient β that the next step would make, as a share of max(1, |β|). */
  readonly step?: number;
  /** Wide designs: the largest share of itself by which the objective can still fall. */
  readonly decrease?: number;
}
