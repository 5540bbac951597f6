import { loadEach } from "../chunks/chunk_store.ts";
import { type DesignMatrix, forRowRanges } from "../encode/design_matrix.ts";
import { factorOf } from "./newton.ts";
import type { Passes } from "./passes.ts";
import { addScaled, evaluatePoint, type Solution, type SolverOptions } from "./penalised.ts";

/** Thrown if there is no finite optimum. The caller adds the columns' names. */
export class Separation extends Error {
  override readonly name = "Separation";

  /**
   * @param columns If all rows are separated: columns that separate them in combination, with the intercept; not always the
   *   smallest set. Otherwise columns without a finite coefficient; the combination may include others.
   * @param complete Whether all rows are separated.
   */
  constructor(readonly columns: readonly number[], readonly complete: boolean) {
    super("separable");
  }
}

/** The optimum is finite if the next step changes no coefficient by more than this, in log-odds. */
const stepMax = 1e-3;
/** Near a finite optimum each Newton step squares the distance; towards one at infinity, steps do not shrink. */
const stepsMax = 8;

/**
 * Proves that a fit without a penalty has found a finite optimum. If some combination of columns separates clicks from other
 * rows without error, the gradient also vanishes on the way to infinity. But then Newton steps do not shrink, or the curvature
 * has vanished, so that columns with information at the start have none at the end.
 *
 * @param solution A point with a vanishing gradient, from any solver.
 * @throws {Separation}
 * @see Albert & Anderson, On the Existence of Maximum Likelihood Estimates in Logistic Regression Models (1984).
 */
export async function requireFiniteOptimum(
  passes: Passes,
  { coefficients }: Solution,
  options: SolverOptions,
): Promise<void> {
  const at = (point: Float64Array) => evaluatePoint(passes, "all", point, options, true);
  // At 0 every row has the same curvature, so that columns aliased there are collinear.
  const { aliased } = factorOf(await at(new Float64Array(coefficients.length)), options.fixedAtZero);
  let growing: number[] = [];
  let end = coefficients;
  for (let steps = 0; steps < stepsMax; steps++) {
    const point = await at(end);
    const factor = factorOf(point, options.fixedAtZero);
    const flat = factor.aliased.filter((column) => !aliased.includes(column));
    if (flat.length > 0) throw await separationAt(passes, end, flat);
    const step = factor.solve(point.gradient);
    growing = [...step.keys()].filter((column) => !(Math.abs(step[column]) <= stepMax))
      .sort((a, b) => Math.abs(step[b]) - Math.abs(step[a]));
    if (growing.length === 0) return;
    end = addScaled(end, step, -1);
  }
  throw await separationAt(passes, end, growing);
}

/**
 * Reports a fit without a penalty that has not converged since its coefficients separate all rows: there is no finite optimum.
 *
 * @throws {Separation}
 */
export async function requireNotSeparated(passes: Passes, { coefficients }: Solution): Promise<void> {
  if (await passes.separates(coefficients)) throw await separationAt(passes, coefficients, []);
}

/** @param unbounded Columns without a finite coefficient. */
async function separationAt(
  passes: Passes,
  coefficients: Float64Array,
  unbounded: readonly number[],
): Promise<Separation> {
  if (!await passes.separates(coefficients)) return new Separation(unbounded, false);
  const columns = [...coefficients.subarray(0, -1).keys()];
  return new Separation(columns.filter((column) => coefficients[column] !== 0), true);
}

/** Returns the one-hot and indicator columns whose rows in the given parts were all clicked, or none of them. */
export function pureColumns(
  { columnCount, groups, chunks }: DesignMatrix,
  parts: readonly number[],
): number[] {
  const rows = new Float64Array(columnCount);
  const clicks = new Float64Array(columnCount);
  for (const chunk of loadEach(chunks)) {
    groups.forEach(({ fieldCount, columns }, g) => {
      forRowRanges(chunk, parts, (from, to) => {
        for (let i = from; i < to; i++) {
          for (let at = chunk.cells[g][i] * fieldCount, end = at + fieldCount; at < end; at++) {
            if (columns[at] < 0) continue;
            rows[columns[at]]++;
            clicks[columns[at]] += chunk.labels[i];
          }
        }
      });
    });
  }
  return [...rows.keys()].filter((column) =>
    rows[column] > 0 && (clicks[column] === 0 || clicks[column] === rows[column])
  );
}
