import type { DesignMatrix } from "../encode/design_matrix.ts";
import { trainPart } from "../examples/split.ts";
import { usageInvalid } from "../failure.ts";
import type { Fit } from "../fit/fit.ts";
import { precisionAt, precisionColumnsMax } from "../fit/precision.ts";
import { robustCovariance } from "../fit/robust_covariance.ts";
import type { TableDraws } from "../model/table_draws.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { type HyperParameters, penaltyOf } from "./hyper_parameters.ts";

/** What intervals are made of. */
export interface Uncertainty {
  /** Inverse covariance of the coefficients; undefined if a normal distribution does not describe them. */
  readonly precision?: Float64Array | undefined;
  /** Covariance by groups, if it was asked for. */
  readonly covariance?: Float64Array | undefined;
  /** Of curves and tables, if they were asked for. */
  readonly draws?: TableDraws | undefined;
}

/** Returns how uncertain coefficients are that are multiplied by a slope. */
export function rescaled({ precision, covariance, draws }: Uncertainty, slope: number): Uncertainty {
  const scaled = (values: Float64Array) => values.map((value) => slope * value);
  return {
    precision: precision?.map((value) => value / slope ** 2),
    covariance: covariance?.map((value) => value * slope ** 2),
    draws: draws && {
      ...draws,
      intercepts: scaled(draws.intercepts),
      tables: draws.tables.map(({ coefficients, cells }) => ({
        coefficients: scaled(coefficients),
        cells: scaled(cells),
      })),
    },
  };
}

/**
 * Computes how uncertain the coefficients of a fit are.
 *
 * @throws {Failure} `usage-invalid` for intervals that the model has not.
 */
export async function uncertaintyOf(
  design: DesignMatrix,
  threads: Threads,
  { solver, coefficients }: Fit,
  hyperParameters: HyperParameters,
): Promise<Uncertainty> {
  if (hyperParameters.intervals === "bootstrap") {
    throw usageInvalid(
      "--intervals bootstrap is of curves and tables: add --features auto, or ask for --intervals robust.",
    );
  }
  const isNormal = solver === "newton" && hyperParameters.classWeight === "none";
  const isRobust = hyperParameters.intervals === "robust";
  if (!isNormal || design.columnCount > precisionColumnsMax) {
    if (!isRobust) return {};
    throw usageInvalid(
      "--intervals robust needs a fit by Newton's method, without an l1 part, class weights, hidden layers or tables, of at most " +
        `${precisionColumnsMax} columns, and this one by ${solver} has ${design.columnCount}. Leave it out, or train another model.`,
    );
  }
  const parts = [trainPart];
  const precision = await precisionAt(design, parts, threads, coefficients, penaltyOf(hyperParameters));
  if (!isRobust) return { precision };
  const covariance = robustCovariance(design, parts, coefficients, precision);
  if (covariance) return { precision, covariance };
  throw usageInvalid("--intervals robust needs two groups of training rows or more: leave it out.");
}
