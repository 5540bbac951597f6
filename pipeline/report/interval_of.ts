import { confidenceLevel } from "../evaluate/resampling.ts";
import { factorise } from "../math/cholesky.ts";
import { normalQuantile } from "../math/normal_quantile.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import { unpackPrecision } from "../model/packed_precision.ts";

/** Weights of columns; the others have weight 0. */
export type ColumnWeights = ReadonlyMap<number, number>;

/**
 * Returns half the width of the 90 % interval of a weighted sum of coefficients; undefined if the training rows do not determine it.
 *
 * @see McCullagh & Nelder, Generalized Linear Models (1989), section 4.4.
 */
export type ReachOf = (weights: ColumnWeights) => number | undefined;

/** @returns undefined for a model that keeps no precision of its coefficients. */
export function createReachOf(
  { precision, coefficients }: Pick<ArtifactMetadata, "precision" | "coefficients">,
): ReachOf | undefined {
  const size = coefficients.length + 1;
  const unpacked = precision === undefined ? undefined : unpackPrecision(precision, size);
  if (!unpacked) return undefined;
  // The intercept first, so that it is never the one left out among columns that are combinations of others.
  const order = [size - 1, ...Array.from({ length: size - 1 }, (_, column) => column)];
  const { quadratic } = factorise(unpacked, size, order);
  const z = -normalQuantile((1 - confidenceLevel) / 2);
  return (weights) => {
    const dense = new Float64Array(size);
    for (const [column, weight] of weights) dense[column] = weight;
    const variance = quadratic(dense);
    return variance < Infinity ? z * Math.sqrt(variance) : undefined;
  };
}
