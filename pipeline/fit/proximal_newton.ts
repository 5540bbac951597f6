import { factorise } from "../math/cholesky.ts";
import { gradientRule } from "./convergence.ts";
import { descend } from "./descent.ts";
import { hessianOf } from "./objective.ts";
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

/** Maximum number of sweeps over all columns, per direction. */
const roundsMax = 200;
/** Maximum number of sweeps over the columns that are not 0, between two over all. */
const activeSweepsMax = 10;
/** Maximum number of columns whose Hessian is cheap to factorise. */
const faceColumnsMax = 400;
/** Relative ridge that makes singular directions finite: they then move until the first coefficient becomes 0. */
const ridgeShare = 1e-9;

/**
 * Minimises mean log loss + l2/2 · ‖β‖² + l1 · ‖β‖₁ by proximal Newton: each step minimises the quadratic model plus the
 * l1 penalty by coordinate descent. Rows are only read for gradients and occasional Hessians; the coordinate descent works on
 * the small matrix.
 *
 * @returns The point where it stopped; `convergence` reports whether that is an optimum.
 * @see Lee, Sun & Saunders, Proximal Newton-Type Methods for Minimizing Composite Functions (2014); Friedman, Hastie &
 *   Tibshirani, Regularization Paths for Generalized Linear Models via Coordinate Descent (2010).
 */
export function solveProximalNewton(passes: Passes, options: SolverOptions): Promise<Solution> {
  const { l1 } = meanPenalty(passes, options.penalty);
  const rule = (limits: SolverOptions) => gradientRule(limits, "subgradient");
  return descend(passes, options, rule, (start) => {
    const hessian = hessianOf(start);
    return {
      propose(point) {
        const direction = proximalDirection(point, hessian, l1, options.fixedAtZero ?? []);
        const shrinkage = norm1(point.coefficients, direction) - norm1(point.coefficients);
        return { direction, slope: dot(point.gradient, direction) + l1 * shrinkage };
      },
      update: (from, to) => updateHessian(hessian, from, to),
    };
  });
}

/**
 * Minimises g·d + ½ dᵀHd + l1 · ‖β + d‖₁ over d by cyclic coordinate descent. Between sweeps over all columns, it sweeps only
 * those that are not 0 and then moves them to their joint minimum with the same signs, since coordinate descent alone
 * converges slowly if columns are nearly collinear.
 *
 * @returns A direction of descent even if the sweeps do not converge: each of them lowers the model.
 */
function proximalDirection(
  point: Point,
  hessian: Float64Array,
  l1: number,
  fixedAtZero: readonly number[],
): Float64Array {
  const size = point.coefficients.length;
  const model: Model = {
    coefficients: point.coefficients,
    hessian,
    l1,
    direction: new Float64Array(size),
    slope: point.gradient.slice(),
  };
  const free = [
    size - 1,
    ...Array.from({ length: size - 1 }, (_, j) => j).filter((j) => !fixedAtZero.includes(j)),
  ];
  const precision = (1e-4 * point.gradientMax) ** 2;
  for (let rounds = 0; rounds < roundsMax && sweep(model, free) > precision; rounds++) {
    const active = free.filter((j) => j === size - 1 || valueOf(model, j) !== 0);
    for (let sweeps = 0; sweeps < activeSweepsMax && sweep(model, active) > precision; sweeps++);
    if (active.length <= faceColumnsMax) moveToFaceMinimum(model, active);
  }
  return model.direction;
}

/** The quadratic model of the objective around a point, and the current direction. */
interface Model {
  readonly coefficients: Float64Array;
  readonly hessian: Float64Array;
  readonly l1: number;
  readonly direction: Float64Array;
  /** g + H·d, updated with each change of d. */
  readonly slope: Float64Array;
}

function valueOf({ coefficients, direction }: Model, j: number): number {
  return coefficients[j] + direction[j];
}

/** Sets β + d of a column. Takes the sum, not a change of d, so that a coefficient shrunk to 0 is exactly 0. */
function setValue({ coefficients, hessian, direction, slope }: Model, j: number, value: number): void {
  const size = coefficients.length;
  const change = value - (coefficients[j] + direction[j]);
  direction[j] = value - coefficients[j];
  for (let k = 0; k < size; k++) slope[k] += change * hessian[j * size + k];
}

/** Minimises over each of the columns in turn. @returns The largest predicted decrease of one of them. */
function sweep(model: Model, columns: readonly number[]): number {
  const { coefficients, hessian, l1, slope } = model;
  const size = coefficients.length;
  let largest = 0;
  for (const j of columns) {
    const curvature = hessian[j * size + j];
    if (!(curvature > 0)) continue;
    const current = valueOf(model, j);
    const target = shrink(current - slope[j] / curvature, j < size - 1 ? l1 / curvature : 0);
    if (target === current) continue;
    setValue(model, j, target);
    largest = Math.max(largest, (target - current) ** 2 * curvature);
  }
  return largest;
}

/** Moves the columns that are not 0 towards their joint minimum, until the first of them would change its sign. */
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

/** Soft thresholding: moves a value towards 0 by `by`, but not past it. */
function shrink(value: number, by: number): number {
  return value > by ? value - by : value < -by ? value + by : 0;
}

/** Applies BFGS's update to the Hessian, if the curvature along the step is positive. */
function updateHessian(hessian: Float64Array, from: Point, to: Point): void {
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

/** Returns ‖β + d‖₁ without the intercept. */
function norm1(coefficients: Float64Array, direction?: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < coefficients.length - 1; j++) sum += Math.abs(coefficients[j] + (direction?.[j] ?? 0));
  return sum;
}

/** Returns the smallest l1 penalty, on the sum of losses, at which all coefficients are 0. */
export async function l1StrengthMax(
  passes: Passes,
  options: { penalty: Penalty; start: Float64Array },
): Promise<number> {
  const { gradient } = await evaluatePoint(passes, "all", options.start, options, false);
  return gradient.subarray(0, gradient.length - 1).reduce((max, value) => Math.max(max, Math.abs(value)), 0) *
    passes.weight.all;
}
