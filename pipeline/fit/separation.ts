import { factorOf } from "./newton.ts";
import { forLogits } from "./logits.ts";
import type { Passes } from "./passes.ts";
import { addScaled, evaluatePoint, type Solution, type SolverOptions } from "./penalised.ts";

/** There is no finite optimum. The caller knows the columns' names. */
export class Separation extends Error {
  override readonly name = "Separation";

  /**
   * @param columns If all rows are separated: columns whose combination does it, with the intercept; they need not be the
   *   fewest. Otherwise columns that have no finite coefficient; the combination may take others as well.
   * @param complete Whether all rows are separated.
   */
  constructor(readonly columns: readonly number[], readonly complete: boolean) {
    super("separable");
  }
}

/** A step that small has found a finite optimum: in log-odds, no coefficient is further from it. */
const stepMax = 1e-3;
/** Near a finite optimum each step of Newton's squares the distance; where it lies at infinity, steps go on and on. */
const stepsMax = 8;

/**
 * Proves that a fit without a penalty has found a finite optimum. The gradient also vanishes on the way to infinity, where
 * some combination of columns tells clicks from others without error: but there Newton's steps do not, or the curvature
 * has vanished altogether, and columns that told something at the start tell nothing any more.
 *
 * @param solution Where the gradient has vanished, whichever solver went there.
 * @throws {Separation}
 * @see Albert & Anderson, On the Existence of Maximum Likelihood Estimates in Logistic Regression Models (1984).
 */
export async function requireFiniteOptimum(
  passes: Passes,
  { coefficients }: Solution,
  options: SolverOptions,
): Promise<void> {
  const at = (point: Float64Array) => evaluatePoint(passes, "all", point, options, true);
  // At 0 every row has the same weight: what is aliased there is so by the columns themselves.
  const { aliased } = factorOf(await at(new Float64Array(coefficients.length)), options.fixedAtZero);
  let growing: number[] = [];
  let end = coefficients;
  for (let steps = 0; steps < stepsMax; steps++) {
    const point = await at(end);
    const factor = factorOf(point, options.fixedAtZero);
    const flat = factor.aliased.filter((column) => !aliased.includes(column));
    if (flat.length > 0) throw separationAt(passes, end, flat);
    const step = factor.solve(point.gradient);
    growing = [...step.keys()].filter((column) => !(Math.abs(step[column]) <= stepMax))
      .sort((a, b) => Math.abs(step[b]) - Math.abs(step[a]));
    if (growing.length === 0) return;
    end = addScaled(end, step, -1);
  }
  throw separationAt(passes, end, growing);
}

/** @param unbounded Columns without a finite coefficient. */
function separationAt(passes: Passes, coefficients: Float64Array, unbounded: readonly number[]): Separation {
  if (!separatesAll(passes, coefficients)) return new Separation(unbounded, false);
  const used = [...coefficients.keys()].filter((column) => coefficients[column] !== 0);
  return new Separation(used.filter((column) => column < coefficients.length - 1), true);
}

/** Whether every row with label 1 has positive log-odds, and every other row negative ones. */
function separatesAll({ design, parts }: Passes, coefficients: Float64Array): boolean {
  let separates = true;
  forLogits(design, parts, coefficients, ({ labels }, from, _to, logits) => {
    for (let i = 0; separates && i < logits.length; i++) {
      separates = labels[from + i] === 1 ? logits[i] > 0 : logits[i] < 0;
    }
  });
  return separates;
}
