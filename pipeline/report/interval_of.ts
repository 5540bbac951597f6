import { confidenceLevel } from "../evaluate/resampling.ts";
import { factorise } from "../math/cholesky.ts";
import { normalQuantile } from "../math/normal_quantile.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import { unpackPrecision } from "../model/packed_precision.ts";
import { unpackDraws } from "../model/table_draws.ts";

/** Weights of columns; the others have weight 0. */
export type ColumnWeights = ReadonlyMap<number, number>;

/**
 * Returns half the width of the 90 % interval of a weighted sum of coefficients; undefined if the training rows do not determine it.
 *
 * @see McCullagh & Nelder, Generalized Linear Models (1989), section 4.4.
 */
export type ReachOf = (weights: ColumnWeights) => number | undefined;

/** Returns half the width of the 90 % interval of a value with a standard error. */
export function reachOfError(standardError: number): number {
  return -normalQuantile((1 - confidenceLevel) / 2) * standardError;
}

/** @returns undefined for a model that keeps neither a precision of its coefficients nor draws. */
export function createReachOf(
  { precision, coefficients, draws, encoder }: Pick<
    ArtifactMetadata,
    "precision" | "coefficients" | "draws" | "encoder"
  >,
): ReachOf | undefined {
  const drawn = draws && unpackDraws(draws, encoder);
  if (drawn) {
    const tableOf = new Map(encoder.tables?.map(({ column }, t) => [column, t]));
    return (weights) =>
      reachOfError(
        drawn.ofCoefficients([...weights].map(([column, own]) => [tableOf.get(column) ?? 0, own])),
      );
  }
  const size = coefficients.length + 1;
  const unpacked = precision === undefined ? undefined : unpackPrecision(precision, size);
  if (!unpacked) return undefined;
  // The intercept first, so that it is never the one left out among columns that are combinations of others.
  const order = [size - 1, ...Array.from({ length: size - 1 }, (_, column) => column)];
  const { quadratic } = factorise(unpacked, size, order);
  return (weights) => {
    const dense = new Float64Array(size);
    for (const [column, weight] of weights) dense[column] = weight;
    const variance = quadratic(dense);
    return variance < Infinity ? reachOfError(Math.sqrt(variance)) : undefined;
  };
}
