import { type Factor, factorise } from "./cholesky.ts";
import { correctedInverse } from "./corrected_inverse.ts";
import type { Passes, Scope } from "./passes.ts";
import { dot, evaluatePoint, type Point, type Solution, type SolverOptions } from "./penalised.ts";
import { searchLine } from "./line_search.ts";

/** A step that leaves more than this share of the gradient calls for a Hessian of the new point. */
const slowShare = 0.3;
/** The sample's optimum is a start, not an answer. */
const sampleTolerance = 1e-3;

/**
 * Minimises mean log loss + l2/2 · ‖β‖² by Newton's method with line search.
 *
 * It starts from the optimum of a sample of the rows, where steps are cheap. Over all rows one Hessian then serves
 * several steps: BFGS updates, which cost nothing beside a pass for the gradient, keep it true on the way.
 *
 * @returns The point where it stopped: whether that is an optimum, its `gradientMax` tells.
 * @see Nocedal & Wright, Numerical Optimization (2006), chapter 3, and section 7.2 for the updates.
 */
export async function solveNewton(passes: Passes, options: SolverOptions): Promise<Solution> {
  let start = options.start ?? new Float64Array(passes.design.columnCount + 1);
  if (!options.start && passes.weight.sample < passes.weight.all) {
    const rough = await descend(passes, "sample", start, {
      ...options,
      gradientTolerance: sampleTolerance,
      observe: undefined,
    });
    start = rough.coefficients;
  }
  return await descend(passes, "all", start, options);
}

async function descend(
  passes: Passes,
  scope: Scope,
  start: Float64Array,
  options: SolverOptions,
): Promise<Solution> {
  const { gradientTolerance, iterationsMax, observe, checkpoint } = options;
  const at = (coefficients: Float64Array, hessian: boolean) =>
    evaluatePoint(passes, scope, coefficients, options, hessian);
  let point = await at(start, true);
  let inverse = correctedInverse(factorOf(point, options.held));
  let iterations = 1;
  observe?.({ iteration: 0, objective: point.objective, gradientMax: point.gradientMax, step: 0 });
  while (point.gradientMax > gradientTolerance && iterations < iterationsMax) {
    checkpoint?.();
    const direction = inverse.times(point.gradient).map((value) => -value);
    const slope = dot(direction, point.gradient);
    const found = await searchLine(
      point,
      direction,
      slope,
      iterationsMax - iterations,
      (coefficients) => at(coefficients, false),
    );
    iterations += found.passes;
    if (!found.next) break;
    const { next, step } = found;
    observe?.({ iteration: iterations - 1, objective: next.objective, gradientMax: next.gradientMax, step });
    const slow = next.gradientMax > slowShare * point.gradientMax;
    inverse.learn(point, next);
    point = next;
    if (slow && point.gradientMax > gradientTolerance) {
      point = await at(point.coefficients, true);
      inverse = correctedInverse(factorOf(point, options.held));
      iterations++;
    }
  }
  const { coefficients, objective, gradientMax } = point;
  return { coefficients, objective, gradientMax, iterations };
}

/** Factorises the point's Hessian over the columns that are not held. */
export function factorOf({ hessian, gradient }: Point, held: readonly number[] = []): Factor {
  if (!hessian) throw new Error("a factor needs a Hessian");
  const size = gradient.length;
  const free = Array.from({ length: size - 1 }, (_, i) => i).filter((column) => !held.includes(column));
  // The intercept first: of columns that say the same, it is the one to keep.
  return factorise(hessian, size, [size - 1, ...free]);
}
