import { searchLine } from "./line_search.ts";
import type { Passes, Scope } from "./passes.ts";
import {
  dot,
  evaluatePoint,
  meanPenalty,
  type Penalty,
  type Point,
  type Solution,
  type SolverOptions,
} from "./penalised.ts";

/** As in Newton's method: a step that leaves more than this share of the gap calls for a Hessian of the new point. */
const slowShare = 0.3;
const sampleTolerance = 1e-3;
/**
 * Sweeps of one descent at the most. It ends there with what it has: each update lowers the model, so that is a direction
 * of descent all the same, and the next step goes on.
 */
const sweepsMax = 1_000;

/**
 * Minimises mean log loss + l2/2 · ‖β‖² + l1 · ‖β‖₁ by proximal Newton: each step minimises the quadratic model plus the
 * l1 penalty by coordinate descent. The data is only read for gradients and now and then a Hessian: the descent works
 * on the small matrix.
 *
 * @returns The point where it stopped: whether that is an optimum, its `gradientMax` tells.
 * @see Lee, Sun & Saunders, Proximal Newton-Type Methods for Minimizing Composite Functions (2014); Friedman, Hastie &
 *   Tibshirani, Regularization Paths for Generalized Linear Models via Coordinate Descent (2010).
 */
export async function solveProximalNewton(passes: Passes, options: SolverOptions): Promise<Solution> {
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
  const { gradientTolerance, iterationsMax, observe, checkpoint, held = [] } = options;
  const { l1 } = meanPenalty(passes, options.penalty);
  const at = (coefficients: Float64Array, hessian: boolean) =>
    evaluatePoint(passes, scope, coefficients, options, hessian);
  let point = await at(start, true);
  let hessian = hessianOf(point);
  let iterations = 1;
  observe?.({ iteration: 0, objective: point.objective, gradientMax: point.gradientMax, step: 0 });
  while (point.gradientMax > gradientTolerance && iterations < iterationsMax) {
    checkpoint?.();
    const direction = proximalDirection(point, hessian, l1, held);
    const slope = dot(point.gradient, direction) +
      l1 * (norm1(point.coefficients, direction) - norm1(point.coefficients));
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
    correct(hessian, point, next);
    point = next;
    if (slow && point.gradientMax > gradientTolerance) {
      point = await at(point.coefficients, true);
      hessian = hessianOf(point);
      iterations++;
    }
  }
  const { coefficients, objective, gradientMax } = point;
  return { coefficients, objective, gradientMax, iterations };
}

function hessianOf({ hessian }: Point): Float64Array {
  if (!hessian) throw new Error("the point has no Hessian");
  return hessian;
}

/**
 * Minimises g·d + ½ dᵀHd + l1 · ‖β + d‖₁ over d by cyclic coordinate descent; after a sweep over all columns, sweeps go
 * over those that are not 0 until they stand still.
 */
function proximalDirection(
  point: Point,
  hessian: Float64Array,
  l1: number,
  held: readonly number[],
): Float64Array {
  const { coefficients, gradient } = point;
  const size = coefficients.length;
  const direction = new Float64Array(size);
  /** g + H·d, kept true by each update. */
  const slope = gradient.slice();
  const update = (j: number): number => {
    const curvature = hessian[j * size + j];
    if (!(curvature > 0)) return 0;
    const current = coefficients[j] + direction[j];
    const target = shrink(current - slope[j] / curvature, j < size - 1 ? l1 / curvature : 0);
    const change = target - current;
    if (change === 0) return 0;
    // The sum, not the difference: a coefficient that is shrunk to 0 must be 0 to the last bit.
    direction[j] = target - coefficients[j];
    for (let k = 0; k < size; k++) slope[k] += change * hessian[j * size + k];
    return change * change * curvature;
  };
  const free = [size - 1, ...Array.from({ length: size - 1 }, (_, j) => j).filter((j) => !held.includes(j))];
  const precision = (1e-4 * point.gradientMax) ** 2;
  let sweeps = 0;
  /** @returns The largest decrease that one update promised. */
  const sweep = (columns: readonly number[]): number => {
    sweeps++;
    return columns.reduce((most, j) => Math.max(most, update(j)), 0);
  };
  while (sweeps < sweepsMax && sweep(free) > precision) {
    const active = free.filter((j) => j === size - 1 || coefficients[j] + direction[j] !== 0);
    while (sweeps < sweepsMax && sweep(active) > precision);
  }
  return direction;
}

/** Soft threshold: towards 0 by `by`, not past it. */
function shrink(value: number, by: number): number {
  return value > by ? value - by : value < -by ? value + by : 0;
}

/** BFGS's update of the Hessian itself, where the step has shown positive curvature. */
function correct(hessian: Float64Array, from: Point, to: Point): void {
  const size = from.coefficients.length;
  const step = to.coefficients.map((value, i) => value - from.coefficients[i]);
  const change = to.gradient.map((value, i) => value - from.gradient[i]);
  const product = new Float64Array(size);
  for (let i = 0, k = 0; i < size; i++) {
    for (let j = 0; j < size; j++, k++) product[i] += hessian[k] * step[j];
  }
  const [curvature, expected] = [dot(change, step), dot(product, step)];
  if (!(curvature > 1e-14 * Math.sqrt(dot(step, step) * dot(change, change))) || !(expected > 0)) return;
  for (let i = 0, k = 0; i < size; i++) {
    for (let j = 0; j < size; j++, k++) {
      hessian[k] += (change[i] * change[j]) / curvature - (product[i] * product[j]) / expected;
    }
  }
}

/** ‖β + d‖₁ without the intercept. */
function norm1(coefficients: Float64Array, direction?: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < coefficients.length - 1; j++) sum += Math.abs(coefficients[j] + (direction?.[j] ?? 0));
  return sum;
}

/** The strength of an l1 penalty from which on all coefficients are 0, on the sum of losses. */
export async function l1StrengthMax(
  passes: Passes,
  options: { penalty: Penalty; start: Float64Array },
): Promise<number> {
  const { gradient } = await evaluatePoint(passes, "all", options.start, options, false);
  return gradient.subarray(0, gradient.length - 1).reduce((max, value) => Math.max(max, Math.abs(value)), 0) *
    passes.weight.all;
}
