import { searchLine } from "./line_search.ts";
import type { Passes, Scope } from "./passes.ts";
import { evaluatePoint, type Point, type Solution, type SolverOptions } from "./penalised.ts";

/** A quadratic model of the objective, made at a point with a Hessian and kept true by what later steps show. */
export interface QuadraticModel {
  /** Where to go from a point, and the change of the objective that the whole way promises: negative. */
  towards(point: Point): { readonly direction: Float64Array; readonly slope: number };
  learn(from: Point, to: Point): void;
}

/** A step that leaves more than this share of the gradient calls for a Hessian of the new point. */
const slowShare = 0.3;
/** What the first step along a model from elsewhere leaves of the gradient, about. */
const firstShare = 0.03;
/** The sample's optimum is a start, not an answer. */
const sampleTolerance = 1e-3;

/**
 * Goes down, step after step, along the directions of a quadratic model.
 *
 * It starts from the optimum of a sample of the rows, where steps are cheap, and takes the first step over all rows by the
 * sample's model. Where that leads, one Hessian then serves all further steps, for the model learns from each what costs
 * nothing beside a pass for the gradient: a Hessian of the start would be no better than the sample's, and far sooner
 * too old.
 *
 * @param modelAt Makes the model from a point with a Hessian.
 * @returns The point where it stopped: whether that is an optimum, its `gradientMax` tells.
 */
export async function descend(
  passes: Passes,
  options: SolverOptions,
  modelAt: (point: Point) => QuadraticModel,
): Promise<Solution> {
  // Whoever names a start knows a Hessian nearby: it serves as the start's own.
  if (options.start) {
    const { point, iterations } = await descendOver("all", passes, options.start, options, { modelAt });
    return solutionAt(point, iterations);
  }
  let start: Float64Array = new Float64Array(passes.design.columnCount + 1);
  let model: QuadraticModel | undefined;
  if (passes.weight.sample < passes.weight.all) {
    const roughly = { ...options, gradientTolerance: sampleTolerance, observe: undefined };
    const rough = await descendOver("sample", passes, start, roughly, { modelAt, renew: true });
    start = rough.point.coefficients;
    model = rough.model;
  }
  const { point, iterations } = await descendOver("all", passes, start, options, {
    modelAt,
    model,
    renew: true,
  });
  return solutionAt(point, iterations);
}

function solutionAt({ coefficients, objective, gradientMax }: Point, iterations: number): Solution {
  return { coefficients, objective, gradientMax, iterations };
}

interface Models {
  modelAt(point: Point): QuadraticModel;
  /** For the first step, in place of one made at the start. */
  readonly model?: QuadraticModel | undefined;
  /** Whether the point after the first step gets a model of its own. */
  readonly renew?: boolean;
}

interface Descent {
  readonly point: Point;
  readonly model: QuadraticModel;
  readonly iterations: number;
}

async function descendOver(
  scope: Scope,
  passes: Passes,
  start: Float64Array,
  options: SolverOptions,
  { modelAt, model: given, renew = false }: Models,
): Promise<Descent> {
  const { gradientTolerance, iterationsMax, observe, checkpoint } = options;
  const at = (coefficients: Float64Array, hessian: boolean) =>
    evaluatePoint(passes, scope, coefficients, options, hessian);
  let point = await at(start, given === undefined);
  let model = given ?? modelAt(point);
  let iterations = 1;
  observe?.({ iteration: 0, objective: point.objective, gradientMax: point.gradientMax, step: 0 });
  for (let steps = 0; point.gradientMax > gradientTolerance && iterations < iterationsMax; steps++) {
    checkpoint?.();
    const { direction, slope } = model.towards(point);
    const hessian = renew && steps === 0 && firstShare * point.gradientMax > gradientTolerance;
    const found = await searchLine(
      point,
      direction,
      slope,
      iterationsMax - iterations,
      (coefficients) => at(coefficients, hessian),
    );
    iterations += found.passes;
    if (!found.next) break;
    const { next, step } = found;
    observe?.({ iteration: iterations - 1, objective: next.objective, gradientMax: next.gradientMax, step });
    const slow = next.gradientMax > slowShare * point.gradientMax;
    if (next.hessian) model = modelAt(next);
    else model.learn(point, next);
    point = next;
    if (slow && !next.hessian && point.gradientMax > gradientTolerance) {
      point = await at(point.coefficients, true);
      model = modelAt(point);
      iterations++;
    }
  }
  return { point, model, iterations };
}
