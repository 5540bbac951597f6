import { Failure } from "../failure.ts";
import type { Convergence } from "./certificate.ts";
import { isFlat } from "./line_search.ts";
import type { Point, Solution, SolverOptions } from "./penalised.ts";

/** How much larger than the gradient's tolerance a step and a decrease may be: 1e-9 by default. */
const toleranceFactor = 10;
/** The next step is computed from a Hessian nearby, so that it tells the distance to the optimum only roughly. */
const estimateMargin = 2;
/** A Newton step that leaves more than this share of the step before it has met the rounding of the data. */
const stalledShare = 0.5;

/** A step that has been computed, but not taken. */
export interface Proposal {
  readonly direction: Float64Array;
  /** The change of the objective that the whole step promises; negative. */
  readonly slope: number;
}

/** What a descent knows if it asks whether it is done. */
export interface Progress {
  readonly point: Point;
  /** Computes the next step. */
  propose(): Proposal;
  /** Whether the step to this point was made with the Hessian of the point before it. */
  readonly exact: boolean;
}

/** The rule for one descent, from point to point. */
export interface Rule {
  /** The largest step that counts as converged, if the rule asks for one. */
  readonly stepMax?: number;
  /** @returns Undefined to go on; `stalled` if steps no longer shrink, though the curvature may be to blame. */
  judge(progress: Progress): Convergence | "stalled" | undefined;
  /** Judges a point from which the line search has found no better one. */
  judgeStuck(progress: Progress): Convergence | undefined;
}

/** The rule for Newton's method. */
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

/** The rule for a descent that ends at a small gradient, or, with an l1 penalty, at a small subgradient. */
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
 * @param decrease The largest share of itself by which the objective can still fall; NaN if that is not known.
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

/** The largest change of a coefficient β that a step makes, as a share of max(1, |β|). */
export function stepOf(coefficients: Float64Array, direction: Float64Array): number {
  let most = 0;
  for (let j = 0; j < direction.length; j++) {
    const share = Math.abs(direction[j]) / Math.max(1, Math.abs(coefficients[j]));
    // NaN is kept: a step that is no number must not pass for a small one.
    if (!(share <= most)) most = share;
  }
  return most;
}

/** What a fit is allowed. */
type Limits = Pick<SolverOptions, "gradientTolerance" | "iterationsMax" | "penalty">;

/**
 * Requires that a fit has converged.
 *
 * @param told What failed, and what helps, if it is not the flags of `clickwell train`.
 * @throws {Failure} `not-converged`, with what was reached and what helps.
 */
export function requireConverged(
  solution: Solution,
  limits: Limits,
  told: { readonly what: string; readonly help: string } = {
    what: "The fit",
    help: flagsThatHelp(solution, limits),
  },
): void {
  const { gradientMax, iterations, convergence: { criterion, step, decrease } } = solution;
  if (criterion !== undefined) return;
  const { gradientTolerance } = limits;
  const most = Number((toleranceFactor * gradientTolerance).toPrecision(6));
  const reached = [
    `the largest entry of the gradient is ${short(gradientMax)}, expected at most ${gradientTolerance}`,
    ...(step === undefined
      ? []
      : [`the next step would change a coefficient by ${short(step)}, expected at most ${most}`]),
    ...(decrease === undefined
      ? []
      : [`the objective can fall by ${short(decrease)} of itself, expected at most ${most}`]),
  ].join("; ");
  throw new Failure(
    "not-converged",
    `${told.what} did not converge in ${iterations} passes: ${reached}. ${told.help}`,
  );
}

function flagsThatHelp({ iterations }: Solution, { iterationsMax, penalty: { l2, l1 } }: Limits): string {
  const first = iterations >= iterationsMax
    ? `Allow more passes with --iterations (${iterationsMax} were allowed), or use`
    : "The rounding of the data allows no better: use";
  const penalty = l2 + l1 > 0 ? "a stronger penalty (a smaller --C)" : "a penalty (--penalty l2)";
  return `${first} a larger --tolerance, ${penalty}, or fewer columns (a higher minCount, or hash, for fields with many ` +
    "levels in the feature spec), and scale the numeric fields.";
}

function short(value: number): string {
  return value.toExponential(2);
}
