import { factorise } from "../math/cholesky.ts";
import { gradientRule } from "./convergence.ts";
import { descend } from "./descent.ts";
import type { Passes } from "./passes.ts";
import {
  dot,
  evaluatePoint,
  meanPenalty,
  type Penalty,
  type Point,
  type Solution,
  type SolverOptions,
} from "./penalised.ts";

/** Sweeps over all columns, for one direction. */
const roundsMax = 200;
/** Sweeps over the columns that are not 0, between two over all. */
const activeSweepsMax = 10;
/** Columns up to which a factor of their Hessian costs little. */
const faceColumnsMax = 400;
/** Makes a combination of columns that says nothing move as far as it may: to the first coefficient that becomes 0. */
const ridgeShare = 1e-9;

/**
 * Minimises mean log loss + l2/2 · ‖β‖² + l1 · ‖β‖₁ by proximal Newton: each step minimises the quadratic model plus the
 * l1 penalty by coordinate descent. The data is only read for gradients and now and then a Hessian: the descent works
 * on the small matrix.
 *
 * @returns The point where it stopped: whether that is an optimum, its `convergence` tells.
 * @see Lee, Sun & Saunders, Proximal Newton-Type Methods for Minimizing Composite Functions (2014); Friedman, Hastie &
 *   Tibshirani, Regularization Paths for Generalized Linear Models via Coordinate Descent (2010).
 */
export function solveProximalNewton(passes: Passes, options: SolverOptions): Promise<Solution> {
  const { l1 } = meanPenalty(passes, options.penalty);
  const rule = (own: SolverOptions) => gradientRule(own, "subgradient");
  return descend(passes, options, rule, (made) => {
    const hessian = hessianOf(made);
    return {
      towards(point) {
        const direction = proximalDirection(point, hessian, l1, options.fixedAtZero ?? []);
        const shrinkage = norm1(point.coefficients, direction) - norm1(point.coefficients);
        return { direction, slope: dot(point.gradient, direction) + l1 * shrinkage };
      },
      learn: (from, to) => correct(hessian, from, to),
    };
  });
}

function hessianOf({ hessian }: Point): Float64Array {
  if (!hessian) throw new Error("the point has no Hessian");
  return hessian;
}

/**
 * Minimises g·d + ½ dᵀHd + l1 · ‖β + d‖₁ over d by cyclic coordinate descent. Between sweeps over all columns, those that
 * are not 0 are swept alone, and then moved to the minimum that they have while they keep their signs: where columns say
 * nearly the same, coordinates alone would creep there.
 *
 * @returns A direction of descent, also where the sweeps run out: each step lowers the model.
 */
function proximalDirection(
  point: Point,
  hessian: Float64Array,
  l1: number,
  held: readonly number[],
): Float64Array {
  const size = point.coefficients.length;
  const model: Model = {
    coefficients: point.coefficients,
    hessian,
    l1,
    direction: new Float64Array(size),
    slope: point.gradient.slice(),
  };
  const free = [size - 1, ...Array.from({ length: size - 1 }, (_, j) => j).filter((j) => !held.includes(j))];
  const precision = (1e-4 * point.gradientMax) ** 2;
  for (let rounds = 0; rounds < roundsMax && sweep(model, free) > precision; rounds++) {
    const active = free.filter((j) => j === size - 1 || valueOf(model, j) !== 0);
    for (let sweeps = 0; sweeps < activeSweepsMax && sweep(model, active) > precision; sweeps++);
    if (active.length <= faceColumnsMax) moveToFaceMinimum(model, active);
  }
  return model.direction;
}

/** The quadratic model of the objective around a point, and the direction so far. */
interface Model {
  readonly coefficients: Float64Array;
  readonly hessian: Float64Array;
  readonly l1: number;
  readonly direction: Float64Array;
  /** g + H·d, kept true by each change of d. */
  readonly slope: Float64Array;
}

function valueOf({ coefficients, direction }: Model, j: number): number {
  return coefficients[j] + direction[j];
}

/** The sum, not the difference: a coefficient that is shrunk to 0 must be 0 to the last bit. */
function setValue({ coefficients, hessian, direction, slope }: Model, j: number, value: number): void {
  const size = coefficients.length;
  const change = value - (coefficients[j] + direction[j]);
  direction[j] = value - coefficients[j];
  for (let k = 0; k < size; k++) slope[k] += change * hessian[j * size + k];
}

/** Minimises over each of some columns in turn. @returns The largest decrease that one of them promised. */
function sweep(model: Model, columns: readonly number[]): number {
  const { coefficients, hessian, l1, slope } = model;
  const size = coefficients.length;
  let most = 0;
  for (const j of columns) {
    const curvature = hessian[j * size + j];
    if (!(curvature > 0)) continue;
    const current = valueOf(model, j);
    const target = shrink(current - slope[j] / curvature, j < size - 1 ? l1 / curvature : 0);
    if (target === current) continue;
    setValue(model, j, target);
    most = Math.max(most, (target - current) ** 2 * curvature);
  }
  return most;
}

/** Moves columns that are not 0 towards their common minimum, as far as the first of them that would change its sign. */
function moveToFaceMinimum(model: Model, active: readonly number[]): void {
  const { coefficients, hessian, l1, slope } = model;
  const size = coefficients.length;
  const isFree = (j: number) => j === size - 1;
  const ridged = hessian.slice();
  for (const j of active) ridged[j * size + j] *= 1 + ridgeShare;
  const right = slope.map((value, j) => isFree(j) ? -value : -value - l1 * Math.sign(valueOf(model, j)));
  const step = factorise(ridged, size, active).solve(right);
  let share = 1;
  let first: number | undefined;
  for (const j of active) {
    const until = -valueOf(model, j) / step[j];
    if (!isFree(j) && until >= 0 && until < share) [share, first] = [until, j];
  }
  for (const j of active) setValue(model, j, j === first ? 0 : valueOf(model, j) + share * step[j]);
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
