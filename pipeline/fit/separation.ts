import { factorOf } from "./newton.ts";
import type { Passes } from "./passes.ts";
import { evaluatePoint, moved, type Solution, type SolverOptions } from "./penalised.ts";

/** There is no finite optimum: these columns' coefficients grow without bound. The caller knows their names. */
export class Separation extends Error {
  override readonly name = "Separation";

  constructor(readonly columns: readonly number[]) {
    super("separable");
  }
}

/** A step that small has found a finite optimum: in log-odds, no coefficient is further from it. */
const stepMax = 1e-3;
/** Near a finite optimum each step of Newton's squares the distance; where it lies at infinity, steps go on and on. */
const stepsMax = 8;
const namedMax = 5;

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
  const { aliased } = factorOf(await at(new Float64Array(coefficients.length)), options.held);
  let growing: number[] = [];
  let end = coefficients;
  for (let steps = 0; steps < stepsMax; steps++) {
    const point = await at(end);
    const factor = factorOf(point, options.held);
    const flat = factor.aliased.filter((column) => !aliased.includes(column));
    if (flat.length > 0) throw new Separation(flat.slice(0, namedMax));
    const step = factor.solve(point.gradient);
    growing = [...step.keys()].filter((column) => !(Math.abs(step[column]) <= stepMax))
      .sort((a, b) => Math.abs(step[b]) - Math.abs(step[a]));
    if (growing.length === 0) return;
    end = moved(end, step, -1);
  }
  throw new Separation(growing.slice(0, namedMax));
}
