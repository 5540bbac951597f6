import { type OrderedChunk, strideOf, type Walk } from "../examples/ordered_chunk.ts";
import { transformed } from "./encoder.ts";
import { Failure } from "../failure.ts";
import type { NumericSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";
import { trainWeightOf } from "./row_weight.ts";

/** What a numeric field's column is scaled by. */
export interface Moments {
  readonly mean: number;
  /** Standard deviation; 1 where the field does not vary. */
  readonly scale: number;
}

/**
 * Below this share of the mean, a deviation may be what rounding made of equal values: each addition of a chunk's sum can lose
 * 2⁻⁵³ of it.
 */
const roundingShare = 2 ** -34;

/**
 * Mean and deviation of each numeric field with missing values imputed.
 *
 * @param walk Over chunks whose numeric columns are transformed.
 * @throws {Failure} `examples-invalid` for numbers that are too large to be scaled.
 */
export function momentsOf(
  walk: Walk,
  features: readonly NumericSpec[],
  imputations: readonly number[],
): Moments[] {
  const scaled = [...features.keys()].filter((field) => features[field].scale !== "none");
  const means = features.map(() => 0);
  const variances = features.map(() => 0);
  const stands = features.map(({ transform }, field) => transformed(transform, imputations[field]));
  if (scaled.length > 0) {
    let trainWeight = 0;
    // Summed chunk by chunk: the order of additions is the data's alone.
    for (const chunk of walk()) {
      trainWeight += trainWeightOf(chunk);
      for (const field of scaled) means[field] += sumOf(chunk, field, stands[field]);
    }
    const weight = trainWeight > 0 ? trainWeight : 1;
    for (const field of scaled) means[field] /= weight;
    for (const chunk of walk()) {
      for (const field of scaled) variances[field] += squaresOf(chunk, field, stands[field], means[field]);
    }
    for (const field of scaled) variances[field] /= weight;
  }
  const doubtful = scaled.filter((field) =>
    variances[field] > 0 && Math.sqrt(variances[field]) <= roundingShare * Math.abs(means[field])
  );
  const constants = constantsOf(walk, doubtful, stands);
  return features.map((feature, field) => {
    if (feature.scale === "none") return { mean: 0, scale: 1 };
    const constant = constants.get(field);
    if (constant !== undefined) return { mean: constant, scale: 1 };
    return { mean: means[field], scale: scaleOf(feature, means[field], variances[field]) };
  });
}

/** The value of each of the fields that have but one on all training rows. @param stands For missing ones. */
function constantsOf(
  walk: Walk,
  fields: readonly number[],
  stands: readonly number[],
): ReadonlyMap<number, number> {
  const values = new Map<number, number>();
  const open = new Set(fields);
  if (open.size === 0) return values;
  for (const chunk of walk()) {
    const { numeric, partEnds } = chunk;
    const stride = strideOf(chunk);
    for (const field of open) {
      for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
        const value = numeric[k] === numeric[k] ? numeric[k] : stands[field];
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
  // A column that does not vary has no scale; neither has one that varies by the last bits alone.
  const varies = variance > (Math.abs(mean) * 2 ** -50) ** 2;
  return varies ? Math.sqrt(variance) : 1;
}

/** Sum of a chunk's training values, each times its weight. @param stand For missing ones. */
function sumOf(chunk: OrderedChunk, field: number, stand: number): number {
  const { numeric, partEnds, weights } = chunk;
  const stride = strideOf(chunk);
  let sum = 0;
  if (weights) {
    for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
      sum += weights[i] * (numeric[k] === numeric[k] ? numeric[k] : stand);
    }
    return sum;
  }
  for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
    sum += numeric[k] === numeric[k] ? numeric[k] : stand;
  }
  return sum;
}

function squaresOf(chunk: OrderedChunk, field: number, stand: number, mean: number): number {
  const { numeric, partEnds, weights } = chunk;
  const stride = strideOf(chunk);
  let sum = 0;
  if (weights) {
    for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
      const away = (numeric[k] === numeric[k] ? numeric[k] : stand) - mean;
      sum += weights[i] * away * away;
    }
    return sum;
  }
  for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
    const away = (numeric[k] === numeric[k] ? numeric[k] : stand) - mean;
    sum += away * away;
  }
  return sum;
}
