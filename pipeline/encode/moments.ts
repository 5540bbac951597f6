import { type OrderedChunk, strideOf, type Walk } from "../examples/ordered_chunk.ts";
import { transformed } from "./encoder.ts";
import { Failure } from "../failure.ts";
import type { NumericSpec } from "../examples/feature_types.ts";
import { trainPart } from "../examples/split.ts";
import { trainWeightOf } from "./row_weight.ts";

/** Mean and scale of a numeric field's column. */
export interface Moments {
  readonly mean: number;
  /** Standard deviation; 1 if the field does not vary. */
  readonly scale: number;
}

/**
 * Share of the mean below which a deviation may come from rounding of equal values: each addition to a chunk's sum can lose
 * 2⁻⁵³ of it.
 */
const roundingShare = 2 ** -34;

/**
 * Computes mean and deviation of each numeric field, with missing values imputed.
 *
 * @param walk Chunks with transformed numeric columns.
 * @throws {Failure} `examples-invalid` if numbers are too large to be scaled.
 */
export function momentsOf(
  walk: Walk,
  features: readonly NumericSpec[],
  imputations: readonly number[],
): Moments[] {
  const scaled = [...features.keys()].filter((field) => features[field].scale !== "none");
  const means = features.map(() => 0);
  const variances = features.map(() => 0);
  const imputed = features.map(({ transform }, field) => transformed(transform, imputations[field]));
  if (scaled.length > 0) {
    let trainWeight = 0;
    // Summed chunk by chunk, so that the order of additions depends on the data alone.
    for (const chunk of walk()) {
      trainWeight += trainWeightOf(chunk);
      for (const field of scaled) means[field] += sumOf(chunk, field, imputed[field]);
    }
    const weight = trainWeight > 0 ? trainWeight : 1;
    for (const field of scaled) means[field] /= weight;
    for (const chunk of walk()) {
      for (const field of scaled) variances[field] += squaresOf(chunk, field, imputed[field], means[field]);
    }
    for (const field of scaled) variances[field] /= weight;
  }
  const doubtful = scaled.filter((field) =>
    variances[field] > 0 && Math.sqrt(variances[field]) <= roundingShare * Math.abs(means[field])
  );
  const constants = constantsOf(walk, doubtful, imputed);
  return features.map((feature, field) => {
    if (feature.scale === "none") return { mean: 0, scale: 1 };
    const constant = constants.get(field);
    if (constant !== undefined) return { mean: constant, scale: 1 };
    return { mean: means[field], scale: scaleOf(feature, means[field], variances[field]) };
  });
}

/** Returns the fields that have a single value on all training rows, with that value. @param imputed Replace missing values. */
function constantsOf(
  walk: Walk,
  fields: readonly number[],
  imputed: readonly number[],
): ReadonlyMap<number, number> {
  const values = new Map<number, number>();
  const open = new Set(fields);
  if (open.size === 0) return values;
  for (const chunk of walk()) {
    const { numeric, partEnds } = chunk;
    const stride = strideOf(chunk);
    for (const field of open) {
      for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
        const value = numeric[k] === numeric[k] ? numeric[k] : imputed[field];
        if (!values.has(field)) values.set(field, value);
        if (values.get(field) === value) continue;
        open.delete(field);
        values.delete(field);
        break;
      }
    }
  }
  return values;
}

function scaleOf({ name }: NumericSpec, mean: number, variance: number): number {
  if (!Number.isFinite(variance)) {
    throw new Failure(
      "examples-invalid",
      `Cannot scale the field ${name}: some of its numbers are so large that their squares are infinite. ` +
        'Give it the transform "log1p" in the feature spec, or another unit in the view.',
    );
  }
  // A column that varies only in the last bits of its numbers counts as constant.
  const varies = variance > (Math.abs(mean) * 2 ** -50) ** 2;
  return varies ? Math.sqrt(variance) : 1;
}

/** Returns the weighted sum of a chunk's training values. @param imputed Replaces missing values. */
function sumOf(chunk: OrderedChunk, field: number, imputed: number): number {
  const { numeric, partEnds, weights } = chunk;
  const stride = strideOf(chunk);
  let sum = 0;
  for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
    sum += (weights ? weights[i] : 1) * (numeric[k] === numeric[k] ? numeric[k] : imputed);
  }
  return sum;
}

/** Returns the weighted sum of squared deviations from the mean. */
function squaresOf(chunk: OrderedChunk, field: number, imputed: number, mean: number): number {
  const { numeric, partEnds, weights } = chunk;
  const stride = strideOf(chunk);
  let sum = 0;
  for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
    const deviation = (numeric[k] === numeric[k] ? numeric[k] : imputed) - mean;
    sum += (weights ? weights[i] : 1) * deviation * deviation;
  }
  return sum;
}
