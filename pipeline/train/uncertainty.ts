import type { DesignMatrix } from "../encode/design_matrix.ts";
import { trainPart } from "../examples/split.ts";
import { usageInvalid } from "../failure.ts";
import type { Fit } from "../fit/fit.ts";
import { precisionAt, precisionColumnsMax } from "../fit/precision.ts";
import { robustCovariance } from "../fit/robust_covariance.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { type HyperParameters, penaltyOf } from "./hyper_parameters.ts";

/** What intervals are made of. */
export interface Uncertainty {
  /** Inverse covariance of the coefficients; undefined if a normal distribution does not describe them. */
  readonly precision: Float64Array | undefined;
  /** Covariance by groups, if it was asked for. */
  readonly covariance: Float64Array | undefined;
}

/**
 * Computes how uncertain the coefficients of a fit are.
 *
 * @throws {Failure} `usage-invalid` for robust intervals of a model that has none.
 */
export async function uncertaintyOf(
  design: DesignMatrix,
  threads: Threads,
  { solver, coefficients }: Fit,
  hyperParameters: HyperParameters,
): Promise<Uncertainty> {
  const isNormal = solver === "newton" && hyperParameters.classWeight === "none";
  const isRobust = hyperParameters.intervals === "robust";
  if (!isNormal || design.columnCount > precisionColumnsMax) {
    if (!isRobust) return { precision: undefined, covariance: undefined };
    throw usageInvalid(
      "--intervals robust needs a fit by Newton's method, without an l1 part, class weights, hidden layers or tables, of at most " +
        `${precisionColumnsMax} columns, and this one by ${solver} has ${design.columnCount}. Leave it out, or train another model.`,
    );
  }
  const parts = [trainPart];
  const precision = await precisionAt(design, parts, threads, coefficients, penaltyOf(hyperParameters));
  if (!isRobust) return { precision, covariance: undefined };
  const covariance = robustCovariance(design, parts, coefficients, precision);
  if (covariance) return { precision, covariance };
  throw usageInvalid("--intervals robust needs two groups of training rows or more: leave it out.");
}
