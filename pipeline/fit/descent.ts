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
/** The sample's optimum is a start, not an answer. */
const sampleTolerance = 1e-3;

/**
 * Goes down, step after step, along the directions of a quadratic model.
 *
 * It starts from the optimum of a sample of the rows, where steps are cheap. Over all rows one Hessian then serves
 * several steps, for the model learns from each what costs nothing beside a pass for the gradient.
 *
 * @param modelAt Makes the model from a point with a Hessian.
 * @returns The point where it stopped: whether that is an optimum, its `gradientMax` tells.
 */
export async function descend(
  passes: Passes,
  options: SolverOptions,
  modelAt: (point: Point) => QuadraticModel,
): Promise<Solution> {
  let start = options.start ?? new Float64Array(passes.design.columnCount + 1);
  if (!options.start && passes.weight.sample < passes.weight.all) {
    const roughly = { ...options, gradientTolerance: sampleTolerance, observe: undefined };
    start = (await descendOver("sample", passes, start, roughly, modelAt)).coefficients;
  }
  return await descendOver("all", passes, start, options, modelAt);
}

async function descendOver(
  scope: Scope,
  passes: Passes,
  start: Float64Array,
  options: SolverOptions,
  modelAt: (point: Point) => QuadraticModel,
): Promise<Solution> {
  const { gradientTolerance, iterationsMax, observe, checkpoint } = options;
  const at = (coefficients: Float64Array, hessian: boolean) =>
    evaluatePoint(passes, scope, coefficients, options, hessian);
  let point = await at(start, true);
  let model = modelAt(point);
  let iterations = 1;
  observe?.({ iteration: 0, objective: point.objective, gradientMax: point.gradientMax, step: 0 });
  while (point.gradientMax > gradientTolerance && iterations < iterationsMax) {
    checkpoint?.();
    const { direction, slope } = model.towards(point);
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
    model.learn(point, next);
    point = next;
    if (slow && point.gradientMax > gradientTolerance) {
      point = await at(point.coefficients, true);
      model = modelAt(point);
      iterations++;
    }
  }
  const { coefficients, objective, gradientMax } = point;
  return { coefficients, objective, gradientMax, iterations };
}
