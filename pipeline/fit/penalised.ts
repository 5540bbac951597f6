import type { Convergence } from "./certificate.ts";
import type { Passes, Scope } from "./passes.ts";

/**
 * The penalty added to the sum of the rows' log losses: l2/2 · ‖β‖² + l1 · ‖β‖₁. The intercept is never penalised.
 * In scikit-learn's terms, with ρ = `l1_ratio`: l2 = (1 − ρ) / C and l1 = ρ / C.
 */
export interface Penalty {
  readonly l2: number;
  readonly l1: number;
  /** Adds ½ (β − mean)ᵀ · precision · (β − mean), including the intercept: the information of earlier data. */
  readonly prior?: Prior;
}

/** A normal prior distribution of the coefficients. */
export interface Prior {
  /** Shape (columns + 1), intercept last. */
  readonly mean: Float64Array;
  /** Inverse of the covariance, shape (columns + 1, columns + 1), symmetric. */
  readonly precision: Float64Array;
}

/** The result of a solver. */
export interface Solution {
  /** Log-odds per column, shape (columns + 1), intercept last. */
  readonly coefficients: Float64Array;
  /** Mean over the rows of the penalised log loss. */
  readonly objective: number;
  /**
   * Largest absolute entry of the objective's gradient or, with an l1 penalty, of its minimum-norm subgradient; 0 at an
   * optimum.
   */
  readonly gradientMax: number;
  /** Passes over all rows. */
  readonly iterations: number;
  /** The criterion by which the fit has converged, if it has. */
  readonly convergence: Convergence;
}

/** Reported after each step. */
export interface IterationEvent {
  readonly iteration: number;
  readonly objective: number;
  readonly gradientMax: number;
  /** Length of the last step, relative to the proposed one. */
  readonly step: number;
}

/** Options of all solvers. */
export interface SolverOptions {
  readonly penalty: Penalty;
  /** Largest entry of the gradient that counts as 0; see convergence.ts. */
  readonly gradientTolerance: number;
  /** Maximum number of passes over the rows. */
  readonly iterationsMax: number;
  /** Columns whose coefficients stay 0: their gradient does not count. */
  readonly fixedAtZero?: readonly number[];
  /** Starting point; 0 by default. Shape (columns + 1), intercept last. */
  readonly start?: Float64Array;
  readonly observe?: ((event: IterationEvent) => void) | undefined;
  /** Throws to end the fit early. */
  readonly checkpoint?: (() => void) | undefined;
}

/** A point and the penalised mean loss there. */
export interface Point {
  readonly coefficients: Float64Array;
  /** Includes both penalties. */
  readonly objective: number;
  /** Of the loss and the l2 penalty. */
  readonly gradient: Float64Array;
  /** As in `Solution`. */
  readonly gradientMax: number;
  /** Of the loss and the l2 penalty, shape (columns + 1, columns + 1). */
  readonly hessian?: Float64Array;
}

/** Evaluates the penalised mean loss by one pass over the rows. */
export async function evaluatePoint(
  passes: Passes,
  scope: Scope,
  coefficients: Float64Array,
  { penalty, fixedAtZero = [] }: Pick<SolverOptions, "penalty" | "fixedAtZero">,
  hessian: boolean,
): Promise<Point> {
  const sums = await passes.evaluate(coefficients, { hessian, scope });
  const weight = passes.weight[scope];
  const columnCount = coefficients.length - 1;
  const { l2, l1 } = meanPenalty(passes, penalty);
  const { gradient } = sums;
  for (const column of fixedAtZero) gradient[column] = 0;
  let squares = 0;
  let absolutes = 0;
  let gradientMax = 0;
  for (let j = 0; j <= columnCount; j++) {
    const beta = coefficients[j];
    gradient[j] /= weight;
    if (j < columnCount) {
      gradient[j] += l2 * beta;
      squares += beta * beta;
      absolutes += Math.abs(beta);
    }
    gradientMax = Math.max(
      gradientMax,
      Math.abs(j < columnCount ? minimumNormSubgradient(gradient[j], beta, l1) : gradient[j]),
    );
  }
  let objective = sums.loss / weight + (l2 / 2) * squares + l1 * absolutes;
  if (penalty.prior) {
    objective += addPrior(penalty.prior, coefficients, passes.weight.all, gradient, sums.hessian, weight);
    gradientMax = gradient.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  }
  if (!sums.hessian) return { coefficients, objective, gradient, gradientMax };
  const size = columnCount + 1;
  for (let i = 0; i < sums.hessian.length; i++) sums.hessian[i] /= weight;
  for (let j = 0; j < columnCount; j++) sums.hessian[j * size + j] += l2;
  return { coefficients, objective, gradient, gradientMax, hessian: sums.hessian };
}

/**
 * Adds the prior's terms to the gradient of the mean loss and to the Hessian of the sum of losses.
 *
 * @param rows Weight of all rows, by which the prior's terms of the mean are divided.
 * @param scale The number by which the Hessian will be divided.
 * @returns The prior's term of the mean loss.
 */
function addPrior(
  { mean, precision }: Prior,
  coefficients: Float64Array,
  rows: number,
  gradient: Float64Array,
  hessian: Float64Array | undefined,
  scale: number,
): number {
  const size = coefficients.length;
  let value = 0;
  for (let i = 0; i < size; i++) {
    let product = 0;
    for (let j = 0; j < size; j++) product += precision[i * size + j] * (coefficients[j] - mean[j]);
    gradient[i] += product / rows;
    value += product * (coefficients[i] - mean[i]);
  }
  if (hessian) { for (let i = 0; i < hessian.length; i++) hessian[i] += (precision[i] * scale) / rows; }
  return value / 2 / rows;
}

/** Returns the penalty on the mean loss. It is the same for a sample of the rows, so that both have the same optimum. */
export function meanPenalty(passes: Passes, { l2, l1 }: Penalty): Penalty {
  return { l2: l2 / passes.weight.all, l1: l1 / passes.weight.all };
}

/** Returns the minimum-norm subgradient of g·β + l1·|β|. */
export function minimumNormSubgradient(gradient: number, beta: number, l1: number): number {
  if (beta !== 0) return gradient + (beta > 0 ? l1 : -l1);
  return Math.sign(gradient) * Math.max(0, Math.abs(gradient) - l1);
}

/** Returns base + share · direction. */
export function addScaled(base: Float64Array, direction: Float64Array, share: number): Float64Array {
  const sum = new Float64Array(base.length);
  for (let i = 0; i < sum.length; i++) sum[i] = base[i] + share * direction[i];
  return sum;
}

export function negated(vector: Float64Array): Float64Array {
  const result = new Float64Array(vector.length);
  for (let i = 0; i < result.length; i++) result[i] = -vector[i];
  return result;
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
