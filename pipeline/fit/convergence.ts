import { Failure } from "../failure.ts";
import { log } from "../math/elementary.ts";
import type { Convergence } from "./certificate.ts";
import { isFlat } from "./line_search.ts";
import type { Point, Solution, SolverOptions } from "./penalised.ts";

/** Tolerance of a step and of a decrease, as a multiple of the gradient tolerance: 1e-9 by default. */
const toleranceFactor = 10;
/** Safety factor: the next step is computed with a nearby Hessian, so that it only estimates the distance to the optimum. */
const estimateMargin = 2;
/** A Newton step longer than this share of the step before is limited by rounding. */
const stalledShare = 0.5;

/** A proposed step. */
export interface Proposal {
  readonly direction: Float64Array;
  /** Predicted change of the objective by the whole step; negative. */
  readonly slope: number;
}

/** The state of a descent that a rule judges. */
export interface Progress {
  readonly point: Point;
  /** Computes the next step. */
  propose(): Proposal;
  /** Whether the step to this point used the Hessian of the point before it. */
  readonly exact: boolean;
}

/** A stopping rule for one descent. */
export interface Rule {
  /** The largest step that counts as converged; absent if the rule does not depend on the step. */
  readonly stepMax?: number;
  /** @returns Undefined to continue; `stalled` if steps no longer shrink, which may be the fault of an old Hessian. */
  judge(progress: Progress): Convergence | "stalled" | undefined;
  /** Judges a point from which the line search found no better one. */
  judgeStuck(progress: Progress): Convergence | undefined;
}

/** Creates the stopping rule of Newton's method. */
export function stepRule({ gradientTolerance }: Pick<SolverOptions, "gradientTolerance">): Rule {
  const stepMax = toleranceFactor * gradientTolerance / estimateMargin;
  let before = Infinity;
  return {
    stepMax,
    judge({ point, propose, exact }) {
      if (!(point.gradientMax <= gradientTolerance)) {
        before = Infinity;
        return undefined;
      }
      const { direction, slope } = propose();
      const step = stepOf(point.coefficients, direction);
      if (step <= stepMax) return { criterion: "step", step };
      const shrinks = step < stalledShare * before;
      before = step;
      if (shrinks) return undefined;
      return exact && isFlat(point, slope) ? { criterion: "rounding", step } : "stalled";
    },
    judgeStuck({ point, propose }) {
      const { direction, slope } = propose();
      const step = stepOf(point.coefficients, direction);
      const isRounding = point.gradientMax <= gradientTolerance && isFlat(point, slope);
      return isRounding ? { criterion: "rounding", step } : undefined;
    },
  };
}

/** Creates the rule that stops at a small gradient or, with an l1 penalty, at a small subgradient. */
export function gradientRule(
  { gradientTolerance }: Pick<SolverOptions, "gradientTolerance">,
  criterion: "gradient" | "subgradient",
): Rule {
  return {
    judge: ({ point }) => point.gradientMax <= gradientTolerance ? { criterion } : undefined,
    judgeStuck: () => undefined,
  };
}

/**
 * Judges a point in a design that is too wide for a Hessian.
 *
 * @param decrease Upper bound of the remaining decrease of the objective, relative to its value; NaN if unknown.
 */
export function judgeWide(
  { gradientMax }: Point,
  decrease: number,
  { gradientTolerance }: Pick<SolverOptions, "gradientTolerance">,
): Convergence {
  const known = Number.isFinite(decrease) ? { decrease } : {};
  if (gradientMax <= gradientTolerance) return { criterion: "gradient", ...known };
  return decrease <= toleranceFactor * gradientTolerance ? { criterion: "decrease", ...known } : known;
}

/** Returns how far a point is from `judgeWide`'s nearer limit, as the logarithm of a factor. */
export function distanceOf(
  { gradientMax }: Point,
  { decrease = NaN }: Convergence,
  { gradientTolerance }: Pick<SolverOptions, "gradientTolerance">,
): number {
  const gradient = log(gradientMax / gradientTolerance);
  const bound = log(decrease / (toleranceFactor * gradientTolerance));
  return bound < gradient ? bound : gradient;
}

/** Returns the largest change of a coefficient β by a step, relative to max(1, |β|). */
export function stepOf(coefficients: Float64Array, direction: Float64Array): number {
  let largest = 0;
  for (let j = 0; j < direction.length; j++) {
    const share = Math.abs(direction[j]) / Math.max(1, Math.abs(coefficients[j]));
    // The negated comparison keeps NaN, which must not count as a small step.
    if (!(share <= largest)) largest = share;
  }
  return largest;
}

/** The limits of a fit. */
type Limits = Pick<SolverOptions, "gradientTolerance" | "iterationsMax" | "penalty">;

/**
 * Requires that a fit has converged.
 *
 * @param text The message's subject and its repair; by default the flags of `clickwell train`.
 * @throws {Failure} `not-converged`, with the values reached and the repair.
 */
export function requireConverged(
  solution: Solution,
  limits: Limits,
  text: { readonly what: string; readonly help: string } = {
    what: "The fit",
    help: flagsThatHelp(solution, limits),
  },
): void {
  const { gradientMax, iterations, convergence: { criterion, step, decrease } } = solution;
  if (criterion !== undefined) return;
  const { gradientTolerance } = limits;
  const stepMax = Number((toleranceFactor * gradientTolerance).toPrecision(6));
  const reached = [
    `the largest entry of the gradient is ${short(gradientMax)}, expected at most ${gradientTolerance}`,
    ...(step === undefined
      ? []
      : [`the next step would change a coefficient by ${short(step)}, expected at most ${stepMax}`]),
    ...(decrease === undefined
      ? []
      : [`the objective can still fall by ${short(decrease)} of its value, expected at most ${stepMax}`]),
  ].join("; ");
  throw new Failure(
    "not-converged",
    `${text.what} did not converge in ${iterations} passes: ${reached}. ${text.help}`,
  );
}

function flagsThatHelp({ iterations }: Solution, { iterationsMax, penalty: { l2, l1 } }: Limits): string {
  const first = iterations >= iterationsMax
    ? `Allow more passes with --iterations (${iterationsMax} were allowed), or use`
    : "Rounding prevents a better fit: use";
  const penalty = l2 + l1 > 0 ? "a stronger penalty (a smaller --C)" : "a penalty (--penalty l2)";
  return `${first} a larger --tolerance, ${penalty}, or fewer columns (a higher minCount, or hash, for fields with many ` +
    "levels in the feature spec), and scale the numeric fields.";
}

function short(value: number): string {
  return value.toExponential(2);
}
