import { factorise } from "../../math/cholesky.ts";
import { exp } from "../../math/elementary.ts";
import { Failure } from "../../failure.ts";
import { rowLoss } from "./boost.ts";
import type { TablesCertificate } from "./found_model.ts";
import { type Pause, runWithPauses } from "./pauses.ts";

/** Values of tables on rows that they were not fitted to. */
export interface TableValues {
  /** Per table, shape (rows). */
  readonly columns: readonly Float64Array[];
  readonly labels: Uint8Array;
  readonly weights: Float64Array | undefined;
}

export interface TableCoefficients {
  readonly intercept: number;
  /** Shape (tables), none below 0. */
  readonly coefficients: Float64Array;
  readonly certificate: TablesCertificate;
  /** The last Hessian of the losses that was computed, for a fit to the same values with another penalty. */
  readonly hessian: Float64Array;
}

export interface CoefficientOptions {
  /** Coefficients to start from, intercept last. */
  readonly start: Float64Array;
  /** Weight of the penalty, in rows. */
  readonly ridge: number;
  /** Of an earlier fit. */
  readonly hessian?: Float64Array | undefined;
  readonly pause: Pause;
}

/** Largest derivative of the mean loss that counts as 0, and largest change by a further step. */
const tolerance = { gradient: 1e-9, step: 1e-8 };
/** Near the optimum the objective falls by less than its rounding error, and the gradient still shrinks. */
const slack = 1e-12;
const iterationsMax = 100;
/** A Hessian is computed again if the gradient has not shrunk to this share. */
const slowShare = 0.2;

/**
 * Minimises Σ w · log loss(intercept + Z·b) + ridge/2 · Σ (b − 1)² over the intercept and b ≥ 0, which is convex, by Newton's method on the
 * coefficients that are not held at 0. A Hessian is used for several steps while they are fast.
 *
 * @param values Z by columns, labels and weights.
 * @throws {Failure} `not-converged` after 100 steps.
 * @see Bertsekas, Projected Newton Methods for Optimization Problems with Simple Constraints (1982).
 */
export async function fitCoefficients(
  values: TableValues,
  { start, ridge, pause, hessian: known }: CoefficientOptions,
): Promise<TableCoefficients> {
  const count = values.columns.length;
  // The intercept last.
  let b = start.slice();
  let objective = objectiveOf(values, b, ridge);
  let hessian = known;
  let before = Infinity;
  for (let iterations = 0; iterations < iterationsMax; iterations++) {
    await pause();
    const point = pointOf(values, b, ridge);
    const { gradient, total } = point;
    const held = (i: number) => i < count && b[i] === 0 && gradient[i] >= 0;
    const free = [count, ...Array.from({ length: count }, (_, i) => i).filter((i) => !held(i))];
    const gradientMax = free.reduce((most, i) => Math.max(most, Math.abs(gradient[i])), 0) / total;
    const isStale = hessian !== undefined && gradientMax <= slowShare * before;
    if (!hessian || !isStale) {
      hessian = await runWithPauses(hessianInSteps(values, point.curvatures), pause);
    }
    before = gradientMax;
    const step = newtonStep(withRidge(hessian, ridge, count), gradient, free, b);
    const change = free.reduce(
      (most, i) => Math.max(most, Math.abs(step[i]) / Math.max(1, Math.abs(b[i]))),
      0,
    );
    const isThere = gradientMax <= tolerance.gradient && change <= tolerance.step;
    const next = isThere ? undefined : search(values, b, step, { objective, ridge });
    if (!next && gradientMax <= tolerance.gradient) {
      const atBound = gradient.subarray(0, count).filter((_, i) => b[i] === 0);
      const certificate: TablesCertificate = {
        gradientMax,
        ...atBound.length > 0 ? { boundGradientMin: Math.min(...atBound) / total } : {},
        objective: objective / total,
        ridge,
        iterations,
      };
      return { intercept: b[count], coefficients: b.slice(0, count), certificate, hessian };
    }
    if (!next && !isStale) break;
    if (next) [b, objective] = [next.b, next.objective];
    else before = 0;
  }
  throw new Failure(
    "not-converged",
    `Cannot fit the coefficients of ${count} tables in ${iterationsMax} Newton steps. Train with another --seed.`,
  );
}

/** Adds the penalty to the diagonal of the coefficients. */
function withRidge(hessian: Float64Array, ridge: number, count: number): Float64Array {
  const sum = hessian.slice();
  for (let t = 0; t < count; t++) sum[t * (count + 2)] += ridge;
  return sum;
}

/** Returns the step to subtract, over the free coefficients. One at 0 that it would take below is held as well. */
function newtonStep(
  hessian: Float64Array,
  gradient: Float64Array,
  free: readonly number[],
  b: Float64Array,
): Float64Array {
  const count = b.length - 1;
  for (let order = free;;) {
    const step = factorise(hessian, count + 1, order).solve(gradient);
    const inside = order.filter((i) => i === count || b[i] > 0 || step[i] <= 0);
    if (inside.length === order.length) return step;
    order = inside;
  }
}

/**
 * Takes a step, halved until the objective falls: first with what would be below 0 at 0, else only as far as the first coefficient
 * that reaches 0.
 *
 * @returns Undefined if the objective does not fall.
 */
function search(
  values: TableValues,
  b: Float64Array,
  step: Float64Array,
  { objective, ridge }: { readonly objective: number; readonly ridge: number },
): { b: Float64Array<ArrayBuffer>; objective: number } | undefined {
  const count = values.columns.length;
  const reach = b.reduce(
    (least, value, i) => i < count && step[i] > value ? Math.min(least, value / step[i]) : least,
    1,
  );
  const tries = Array.from({ length: 30 }, (_, k) => 2 ** -k);
  for (const share of [...tries.slice(0, 6), ...tries.map((one) => one * reach)]) {
    const next = b.map((value, i) =>
      i < count ? Math.max(0, value - share * step[i]) : value - share * step[i]
    );
    const at = objectiveOf(values, next, ridge);
    if (at <= objective + slack * Math.abs(objective)) return { b: next, objective: at };
  }
  return undefined;
}

/** Returns the logits of the rows. @param b Coefficients, intercept last. */
export function valueLogits({ columns, labels }: TableValues, b: Float64Array): Float64Array {
  const logits = new Float64Array(labels.length).fill(b[columns.length]);
  for (let t = 0; t < columns.length; t++) {
    const column = columns[t];
    for (let i = 0; i < logits.length; i++) logits[i] += b[t] * column[i];
  }
  return logits;
}

function objectiveOf(values: TableValues, b: Float64Array, ridge: number): number {
  const { labels, weights, columns } = values;
  const logits = valueLogits(values, b);
  let sum = 0;
  for (let i = 0; i < labels.length; i++) sum += (weights ? weights[i] : 1) * rowLoss(logits[i], labels[i]);
  for (let t = 0; t < columns.length; t++) sum += ridge / 2 * (b[t] - 1) ** 2;
  return sum;
}

/** Returns the gradient of the penalised sum of losses, the curvature of each row's loss, and the rows' weight. */
function pointOf(values: TableValues, b: Float64Array, ridge: number) {
  const { columns, labels, weights } = values;
  const count = columns.length;
  const logits = valueLogits(values, b);
  const [residuals, curvatures] = [new Float64Array(labels.length), new Float64Array(labels.length)];
  let total = 0;
  for (let i = 0; i < labels.length; i++) {
    const p = 1 / (1 + exp(-logits[i]));
    const weight = weights ? weights[i] : 1;
    total += weight;
    residuals[i] = weight * (p - labels[i]);
    curvatures[i] = weight * p * (1 - p);
  }
  const gradient = new Float64Array(count + 1);
  for (let t = 0; t < count; t++) gradient[t] = product(residuals, columns[t]) + ridge * (b[t] - 1);
  gradient[count] = residuals.reduce((sum, value) => sum + value, 0);
  return { gradient, curvatures, total };
}

/** Returns the lower triangle of the Hessian of the sum of losses, without the penalty. */
function* hessianInSteps({ columns }: TableValues, curvatures: Float64Array): Generator<void, Float64Array> {
  const count = columns.length;
  const hessian = new Float64Array((count + 1) ** 2);
  const scaled = new Float64Array(curvatures.length);
  for (let t = 0; t < count; t++) {
    const column = columns[t];
    let cross = 0;
    for (let i = 0; i < scaled.length; i++) {
      scaled[i] = curvatures[i] * column[i];
      cross += scaled[i];
    }
    hessian[count * (count + 1) + t] = cross;
    for (let u = 0; u <= t; u++) hessian[t * (count + 1) + u] = product(scaled, columns[u]);
    yield;
  }
  hessian[count * (count + 2)] = curvatures.reduce((sum, value) => sum + value, 0);
  return hessian;
}

/** Four independent sums, since each addition to one would wait for the last. */
function product(a: Float64Array, b: Float64Array): number {
  let [first, second, third, fourth] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 4 <= a.length; i += 4) {
    first += a[i] * b[i];
    second += a[i + 1] * b[i + 1];
    third += a[i + 2] * b[i + 2];
    fourth += a[i + 3] * b[i + 3];
  }
  for (; i < a.length; i++) first += a[i] * b[i];
  return first + second + (third + fourth);
}
