import type { Convergence } from "./certificate.ts";
import { correctedInverse } from "./corrected_inverse.ts";
import { lineSearch } from "./line_search.ts";
import { dot, negated, type Point, type SolverOptions } from "./penalised.ts";

/** Multiplies a vector by an approximate inverse of a Hessian. */
type Preconditioner = (right: Float64Array) => Float64Array;

/** What Newton-CG needs of a fit. Vectors are over the free columns. */
export interface NewtonCgProblem {
  /** Evaluates a point by one pass. */
  evaluate(coefficients: Float64Array): Promise<Point>;
  /** Multiplies the Hessian at a point by a direction, by one pass. */
  hessianTimes(coefficients: Float64Array, direction: Float64Array): Promise<Float64Array>;
  /** Creates a symmetric, positive definite preconditioner for a point, by one pass. */
  preconditionerAt(coefficients: Float64Array): Promise<Preconditioner>;
  convergenceOf(point: Point): Convergence;
  /** Maximum number of products that are kept. */
  readonly pairsMax: number;
}

export interface NewtonCgOptions {
  /** Maximum number of passes. */
  readonly passesMax: number;
  /** @param passes Taken so far. */
  onStep(point: Point, step: number, passes: number): void;
  readonly checkpoint?: SolverOptions["checkpoint"];
}

/** The largest share of the residual that may remain after the conjugate gradients of a step. */
const residualShareMax = 0.5;
/** After a step with more products than this, a new preconditioner saves more than its pass. */
const productsMin = 8;

/**
 * Continues a fit by Newton's method whose steps are computed by preconditioned conjugate gradients: of the Hessian it needs
 * only products with directions, a pass each. The closer to the optimum, the more accurately a step is computed, so that
 * convergence is superlinear. The products of a step correct the preconditioner of the following ones.
 *
 * @returns The point where it stopped, and the passes taken.
 * @see Nocedal & Wright, Numerical Optimization (2006), section 7.1; Morales & Nocedal, Automatic Preconditioning by Limited
 *   Memory Quasi-Newton Updating (2000).
 */
export async function continueByNewtonCg(
  start: Point,
  { evaluate, hessianTimes, preconditionerAt, convergenceOf, pairsMax }: NewtonCgProblem,
  { passesMax, onStep, checkpoint }: NewtonCgOptions,
): Promise<{ readonly point: Point; readonly passes: number; readonly convergence: Convergence }> {
  let point = start;
  let convergence: Convergence = {};
  let initial = await preconditionerAt(point.coefficients);
  let passes = 1;
  const inverse = correctedInverse({ solve: (right) => initial(right) }, pairsMax);
  let products: Product[] = [];
  let lengthAtStart: number | undefined;
  while (passes < passesMax && convergence.criterion === undefined) {
    checkpoint?.();
    // Only if a product and an evaluation can follow.
    if (products.length > productsMin && passesMax - passes >= 3) {
      initial = await preconditionerAt(point.coefficients);
      passes++;
    }
    const length = dot(point.gradient, inverse.times(point.gradient));
    lengthAtStart ??= length;
    const step = await solveStep(point, inverse.times, {
      times: (vector) => hessianTimes(point.coefficients, vector),
      residualShare: Math.min(residualShareMax, Math.sqrt(Math.sqrt(length / lengthAtStart))),
      productsMax: passesMax - passes - 1,
    });
    products = step.products;
    passes += products.length;
    for (const { of, product } of products) inverse.add(of, product);
    const slope = dot(step.direction, point.gradient);
    const found = await lineSearch(point, step.direction, slope, passesMax - passes, evaluate);
    passes += found.passes;
    if (!found.next) break;
    onStep(found.next, found.step, passes);
    point = found.next;
    convergence = convergenceOf(point);
  }
  return { point, passes, convergence };
}

/** A vector and the Hessian times it. */
interface Product {
  readonly of: Float64Array;
  readonly product: Float64Array;
}

/**
 * Solves H · d = −g approximately by preconditioned conjugate gradients.
 *
 * @param options.residualShare Share of the residual, in the preconditioner's norm, at which it stops.
 */
async function solveStep(
  { gradient }: Point,
  precondition: Preconditioner,
  { times, residualShare, productsMax }: {
    times: (vector: Float64Array) => Promise<Float64Array>;
    residualShare: number;
    productsMax: number;
  },
): Promise<{ readonly direction: Float64Array; readonly products: Product[] }> {
  const residual = negated(gradient);
  const products: Product[] = [];
  let conjugate = precondition(residual);
  let direction: Float64Array | undefined;
  let length = dot(residual, conjugate);
  const lengthMax = residualShare ** 2 * length;
  while (products.length < productsMax) {
    const product = await times(conjugate);
    products.push({ of: conjugate, product });
    const curvature = dot(conjugate, product);
    // Curvature that is lost in rounding: the direction found before is the best one.
    if (!(curvature > 0)) break;
    const share = length / curvature;
    direction ??= new Float64Array(gradient.length);
    for (let j = 0; j < direction.length; j++) {
      direction[j] += share * conjugate[j];
      residual[j] -= share * product[j];
    }
    const solved = precondition(residual);
    const next = dot(residual, solved);
    if (!(next > lengthMax)) break;
    const [before, kept] = [conjugate, next / length];
    conjugate = solved.map((value, j) => value + kept * before[j]);
    length = next;
  }
  return { direction: direction ?? conjugate, products };
}
