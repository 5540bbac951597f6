import { log } from "../math/elementary.ts";
import { fitWeightsOf, forRowRanges } from "../encode/design_matrix.ts";
import type { Convergence } from "./certificate.ts";
import { createCoarseDesign } from "./coarse_design.ts";
import { coarseInverse, type MovingColumns, movingColumns } from "./coarse_inverse.ts";
import { judgeWide } from "./convergence.ts";
import { correctedInverse } from "./corrected_inverse.ts";
import { lineSearch } from "./line_search.ts";
import type { Passes } from "./passes.ts";
import {
  dot,
  evaluatePoint,
  meanPenalty,
  type Point,
  type Solution,
  type SolverOptions,
} from "./penalised.ts";

/** Steps that are remembered: no more than `pairNumbersMax` numbers in all, if there are many columns. */
const pairs = { max: 10, min: 4 };
const pairNumbersMax = 2 ** 24;
/** Steps after which the curvature is measured again, and then after three times as many. */
const renewedAfter = 8;

/** A design that is too wide for a Hessian can be fitted until the objective has nowhere to fall. */
export interface LbfgsOptions extends SolverOptions {
  /** Whether a bound of what the objective can still fall by counts as convergence, too. */
  readonly wide: boolean;
}

/**
 * Minimises mean log loss + l2/2 · ‖β‖² by L-BFGS: for designs too wide for a Hessian. The first guess of the inverse is that
 * of a coarse design with a diagonal, so that fields, frequent levels and rare ones move at their own pace.
 *
 * @returns The point where it stopped: whether that is an optimum, its `convergence` tells.
 * @see Nocedal & Wright, Numerical Optimization (2006), section 7.2.
 */
export async function solveLbfgs(passes: Passes, options: LbfgsOptions): Promise<Solution> {
  const { iterationsMax, observe, checkpoint, fixedAtZero: held = [] } = options;
  const { l2 } = meanPenalty(passes, options.penalty);
  const start = options.start ?? baseRateOf(passes);
  let curvatures = await curvaturesAt(passes, start);
  const coarse = createCoarseDesign(passes, curvatures, l2);
  const moving = movingOf(passes, { curvatures, start, held });
  const guessAt = (coefficients: Float64Array) =>
    coarseInverse(coarse, moving, { hessian: coarse.hessianAt(coefficients), curvatures, l2 });
  let guess = guessAt(start);
  const inverse = correctedInverse({ solve: (right) => guess.solve(right) }, pairsFor(moving));
  const at = async (picked: Float64Array) =>
    pickedPoint(moving, await evaluatePoint(passes, "all", moving.spread(picked), options, false));
  // Without a penalty there is no bound.
  const bounded = options.wide && l2 > 0;
  const convergenceOf = (point: Point): Convergence =>
    judgeWide(point, bounded ? decreaseAt(point, moving.pick(curvatures), l2) : NaN, options);
  // The start itself, not a copy: passes may know its loss by it.
  let point = pickedPoint(moving, await evaluatePoint(passes, "all", start, options, false));
  // One for the curvatures.
  let iterations = 2;
  let renewAt = renewedAfter;
  observe?.({ iteration: 0, objective: point.objective, gradientMax: point.gradientMax, step: 0 });
  let convergence = convergenceOf(point);
  for (let steps = 0; convergence.criterion === undefined && iterations < iterationsMax; steps++) {
    checkpoint?.();
    if (steps === renewAt && iterations + 1 < iterationsMax) {
      const coefficients = moving.spread(point.coefficients);
      curvatures = await curvaturesAt(passes, coefficients);
      guess = guessAt(coefficients);
      iterations++;
      renewAt *= 3;
    }
    const direction = inverse.times(point.gradient).map((value) => -value);
    const slope = dot(direction, point.gradient);
    const found = await lineSearch(point, direction, slope, iterationsMax - iterations, at);
    iterations += found.passes;
    if (!found.next) break;
    const { next, step } = found;
    observe?.({ iteration: iterations - 2, objective: next.objective, gradientMax: next.gradientMax, step });
    inverse.learn(point, next);
    point = next;
    convergence = convergenceOf(point);
  }
  const { objective, gradientMax } = point;
  const isStart = iterations === 2;
  const coefficients = isStart ? start : moving.spread(point.coefficients);
  return { coefficients, objective, gradientMax, iterations, convergence };
}

/** The intercept alone, at the click rate. */
function baseRateOf({ design, parts, weight, chunks }: Passes): Float64Array {
  let clicks = 0;
  for (const chunk of chunks()) {
    const weights = fitWeightsOf(chunk);
    forRowRanges(chunk, parts, (from, to) => {
      for (let i = from; i < to; i++) clicks += (weights?.[i] ?? 1) * chunk.labels[i];
    });
  }
  const start = new Float64Array(design.columnCount + 1);
  if (clicks > 0 && clicks < weight.all) start[design.columnCount] = log(clicks / (weight.all - clicks));
  return start;
}

/** Of the mean loss. */
async function curvaturesAt(passes: Passes, coefficients: Float64Array): Promise<Float64Array> {
  const sums = await passes.curvatures(coefficients);
  return sums.map((value) => value / passes.weight.all);
}

/** The columns that rows have, and those that have to come back to 0. */
function movingOf(
  { design: { columnCount, numericColumns } }: Passes,
  { curvatures, start, held }: { curvatures: Float64Array; start: Float64Array; held: readonly number[] },
): MovingColumns {
  const fixed = new Set(held);
  const numeric = new Set(numericColumns);
  return movingColumns(columnCount + 1, (column) =>
    !fixed.has(column) &&
    (column === columnCount || numeric.has(column) || curvatures[column] > 0 || start[column] !== 0));
}

function pickedPoint({ pick }: MovingColumns, { coefficients, gradient, ...point }: Point): Point {
  return { ...point, coefficients: pick(coefficients), gradient: pick(gradient) };
}

function pairsFor({ columns }: MovingColumns): number {
  return Math.max(pairs.min, Math.min(pairs.max, Math.floor(pairNumbersMax / (2 * columns.length))));
}

/**
 * The share of itself by which the objective can fall, at most. With the intercept always at its own optimum, what is left is
 * strongly convex by the penalty, so that it can fall by no more than ‖g‖² / (2 l2), g its gradient; and before that, by what
 * moving the intercept there gains. Both to first order, and of g before and after the longer one.
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
  // It is positive everywhere.
  return Math.min(1, bound / objective);
}
