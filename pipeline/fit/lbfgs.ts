import { log } from "../math/elementary.ts";
import type { Convergence } from "./certificate.ts";
import { createCoarseDesign } from "./coarse_design.ts";
import { coarseInverse, type FreeColumns, freeColumns } from "./coarse_inverse.ts";
import { distanceOf, judgeWide } from "./convergence.ts";
import { correctedInverse } from "./corrected_inverse.ts";
import { lineSearch } from "./line_search.ts";
import { continueByNewtonCg, type NewtonCgProblem } from "./newton_cg.ts";
import type { Passes } from "./passes.ts";
import {
  dot,
  evaluatePoint,
  meanPenalty,
  negated,
  type Point,
  type Solution,
  type SolverOptions,
} from "./penalised.ts";
import { createProgress } from "./slow_progress.ts";

/**
 * Steps of L-BFGS, or products of Newton-CG, that are stored: at most `pairNumbersMax` numbers in total if there are many columns,
 * but at least `min` steps.
 */
const pairs = { max: 30, min: 4 };
const pairNumbersMax = 2 ** 24;
/** Steps after which the curvature is computed again, and then at three times that step. */
const refreshedAfter = 8;
/** The ridge of Newton-CG's preconditioner, as a share of the intercept's curvature. */
const ridgeShare = 1e-6;

/**
 * Minimises mean log loss + l2/2 · ‖β‖² by L-BFGS, for designs too wide for a Hessian. The initial inverse is that of a coarse
 * design with a diagonal, so that fields, frequent levels and rare ones are each scaled by their own curvature. If it will not
 * converge in the passes that are left, Newton-CG continues from its point.
 *
 * @param options.wide Whether a small bound of the objective's remaining decrease also counts as convergence, as in designs
 *   too wide for a Hessian.
 * @param options.isSeparatedBy Whether coefficients prove that there is no finite optimum: they are then returned.
 * @returns The point where it stopped; `convergence` reports whether that is an optimum.
 * @see Nocedal & Wright, Numerical Optimization (2006), section 7.2.
 */
export async function solveLbfgs(
  passes: Passes,
  options: SolverOptions & {
    readonly wide: boolean;
    readonly isSeparatedBy?: ((coefficients: Float64Array) => Promise<boolean>) | undefined;
  },
): Promise<Solution> {
  const { iterationsMax, observe, checkpoint, fixedAtZero = [] } = options;
  const { l2 } = meanPenalty(passes, options.penalty);
  const start = options.start ?? baseRateOf(passes);
  let curvatures = await curvaturesAt(passes, start);
  const coarse = createCoarseDesign(passes, curvatures, l2);
  const free = freeColumnsOf(passes, { curvatures, start, fixedAtZero });
  const initialInverseAt = async (coefficients: Float64Array) =>
    coarseInverse(coarse, free, { hessian: await coarse.hessianAt(coefficients), curvatures, l2 });
  let initialInverse = await initialInverseAt(start);
  const inverse = correctedInverse({ solve: (right) => initialInverse.solve(right) }, pairsFor(free));
  const at = async (picked: Float64Array) =>
    pickedPoint(free, await evaluatePoint(passes, "all", free.spread(picked), options, false));
  // There is no bound without a penalty.
  const hasBound = options.wide && l2 > 0;
  const convergenceOf = (point: Point): Convergence =>
    judgeWide(point, hasBound ? decreaseAt(point, free.pick(curvatures), l2) : NaN, options);
  // The same array, not a copy: passes may recognise it and return its loss without a pass.
  let point = pickedPoint(free, await evaluatePoint(passes, "all", start, options, false));
  // Includes the pass for the curvatures.
  let iterations = 2;
  let refreshAt = refreshedAfter;
  observe?.({ iteration: 0, objective: point.objective, gradientMax: point.gradientMax, step: 0 });
  let convergence = convergenceOf(point);
  const progress = createProgress(iterationsMax);
  for (let steps = 0; convergence.criterion === undefined && iterations < iterationsMax; steps++) {
    checkpoint?.();
    if (steps === refreshAt && iterations + 1 < iterationsMax) {
      const coefficients = free.spread(point.coefficients);
      curvatures = await curvaturesAt(passes, coefficients);
      initialInverse = await initialInverseAt(coefficients);
      iterations++;
      refreshAt *= 3;
    }
    const direction = negated(inverse.times(point.gradient));
    const slope = dot(direction, point.gradient);
    const found = await lineSearch(point, direction, slope, iterationsMax - iterations, at);
    iterations += found.passes;
    if (!found.next) break;
    const { next, step } = found;
    observe?.({ iteration: iterations - 2, objective: next.objective, gradientMax: next.gradientMax, step });
    inverse.update(point, next);
    point = next;
    convergence = convergenceOf(point);
    progress.add(iterations, distanceOf(point, convergence, options));
    if (progress.isTooSlow()) break;
  }
  const isOver = convergence.criterion !== undefined || iterations >= iterationsMax;
  if (!isOver && !await options.isSeparatedBy?.(free.spread(point.coefficients))) {
    const onStep = ({ objective, gradientMax }: Point, step: number, taken: number) =>
      observe?.({ iteration: iterations + taken - 2, objective, gradientMax, step });
    const found = await continueByNewtonCg(point, {
      evaluate: at,
      convergenceOf,
      pairsMax: pairsFor(free),
      hessianTimes: productsOf(passes, free, l2),
      async preconditionerAt(picked) {
        const coefficients = free.spread(picked);
        curvatures = await curvaturesAt(passes, coefficients);
        // Without a penalty, curvatures that have vanished would dominate.
        const ridge = Math.max(l2, ridgeShare * curvatures[curvatures.length - 1]);
        const hessian = await coarse.hessianAt(coefficients);
        return coarseInverse(coarse, free, { hessian, curvatures, l2: ridge }).solve;
      },
    }, { passesMax: iterationsMax - iterations, onStep, checkpoint });
    point = found.point;
    iterations += found.passes;
    convergence = found.convergence;
  }
  const { objective, gradientMax } = point;
  const isStart = iterations === 2;
  const coefficients = isStart ? start : free.spread(point.coefficients);
  return { coefficients, objective, gradientMax, iterations, convergence };
}

/** Returns the coefficients of the base rate: 0 except for the intercept. */
function baseRateOf({ design, weight, clickWeight }: Passes): Float64Array {
  const clicks = clickWeight();
  const start = new Float64Array(design.columnCount + 1);
  if (clicks > 0 && clicks < weight.all) start[design.columnCount] = log(clicks / (weight.all - clicks));
  return start;
}

/** Returns the curvatures of the mean loss. */
async function curvaturesAt(passes: Passes, coefficients: Float64Array): Promise<Float64Array> {
  const sums = await passes.curvatures(coefficients);
  return sums.map((value) => value / passes.weight.all);
}

/** Returns a function that multiplies the Hessian of the penalised mean loss by a direction. */
function productsOf(
  passes: Passes,
  { pick, spread }: FreeColumns,
  l2: number,
): NewtonCgProblem["hessianTimes"] {
  return async (coefficients, direction) => {
    const sums = await passes.hessianTimes(spread(coefficients), spread(direction));
    const last = direction.length - 1;
    return pick(sums).map((sum, j) => sum / passes.weight.all + (j < last ? l2 * direction[j] : 0));
  };
}

/** Selects the intercept, numeric columns, columns with curvature, and those that start away from 0 and must return to it. */
function freeColumnsOf(
  { design: { columnCount, numericColumns } }: Passes,
  { curvatures, start, fixedAtZero }: {
    curvatures: Float64Array;
    start: Float64Array;
    fixedAtZero: readonly number[];
  },
): FreeColumns {
  const fixed = new Set(fixedAtZero);
  const numeric = new Set(numericColumns);
  return freeColumns(columnCount + 1, (column) =>
    !fixed.has(column) &&
    (column === columnCount || numeric.has(column) || curvatures[column] > 0 || start[column] !== 0));
}

function pickedPoint({ pick }: FreeColumns, { coefficients, gradient, ...point }: Point): Point {
  return { ...point, coefficients: pick(coefficients), gradient: pick(gradient) };
}

function pairsFor({ columns }: FreeColumns): number {
  return Math.max(pairs.min, Math.min(pairs.max, Math.floor(pairNumbersMax / (2 * columns.length))));
}

/**
 * Returns an upper bound of the objective's remaining decrease, relative to its value. With the intercept at its optimum, the
 * objective is strongly convex by the penalty and can fall by at most ‖g‖² / (2 l2), g its gradient; moving the intercept to
 * its optimum adds its own decrease. Both are to first order, with the longer g of before and after that move.
 *
 * @param curvatures The intercept's row of the Hessian, the intercept last.
 */
function decreaseAt({ gradient, objective }: Point, curvatures: Float64Array, l2: number): number {
  const last = gradient.length - 1;
  const interceptStep = gradient[last] / curvatures[last];
  let before = 0;
  let after = 0;
  for (let j = 0; j < last; j++) {
    before += gradient[j] ** 2;
    after += (gradient[j] - interceptStep * curvatures[j]) ** 2;
  }
  const bound = Math.max(before, after) / (2 * l2) + interceptStep * gradient[last] / 2;
  // The objective is positive everywhere.
  return Math.min(1, bound / objective);
}
