import { type OrderedChunk, strideOf, type Walk } from "../examples/ordered_chunk.ts";
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

/** What a field's moments are made of. */
export interface MomentSums {
  readonly mean: number;
  readonly variance: number;
  /** The value of a field that has a single one on all training rows, if rounding makes it seem to vary. */
  readonly constant?: number;
}

/** A numeric field whose values are summed. */
export interface SummedField {
  /** Index among the numeric fields. */
  readonly field: number;
  /** Replaces a missing value, after the transform. */
  readonly imputed: number;
}

/**
 * Sums the values of some numeric fields, with missing values imputed. A field's sums do not depend on which others are with it.
 *
 * @param walk Chunks with transformed numeric columns.
 */
export function momentSumsOf(walk: Walk, fields: readonly SummedField[]): MomentSums[] {
  const means = fields.map(() => 0);
  const variances = fields.map(() => 0);
  let trainWeight = 0;
  // Summed chunk by chunk, so that the order of additions depends on the data alone.
  for (const chunk of walk()) {
    trainWeight += trainWeightOf(chunk);
    fields.forEach(({ field, imputed }, i) => means[i] += sumOf(chunk, field, imputed));
  }
  const weight = trainWeight > 0 ? trainWeight : 1;
  fields.forEach((_, i) => means[i] /= weight);
  for (const chunk of walk()) {
    fields.forEach(({ field, imputed }, i) => variances[i] += squaresOf(chunk, field, imputed, means[i]));
  }
  fields.forEach((_, i) => variances[i] /= weight);
  const doubtful = fields.filter((_, i) =>
    variances[i] > 0 && Math.sqrt(variances[i]) <= roundingShare * Math.abs(means[i])
  );
  const constants = constantsOf(walk, doubtful);
  return fields.map(({ field }, i) => {
    const constant = constants.get(field);
    return { mean: means[i], variance: variances[i], ...(constant === undefined ? {} : { constant }) };
  });
}

/** Returns a field's moments. @throws {Failure} `examples-invalid` if its numbers are too large to be scaled. */
export function momentsOf(feature: NumericSpec, sums: MomentSums | undefined): Moments {
  if (!sums) return { mean: 0, scale: 1 };
  const { mean, variance, constant } = sums;
  if (constant !== undefined) return { mean: constant, scale: 1 };
  return { mean, scale: scaleOf(feature, mean, variance) };
}

/** Returns the fields that have a single value on all training rows, with that value. */
function constantsOf(walk: Walk, fields: readonly SummedField[]): ReadonlyMap<number, number> {
  const values = new Map<number, number>();
  const open = new Set(fields);
  if (open.size === 0) return values;
  for (const chunk of walk()) {
    const { numeric, partEnds } = chunk;
    const stride = strideOf(chunk);
    for (const summed of open) {
      const { field, imputed } = summed;
      for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
        const value = numeric[k] === numeric[k] ? numeric[k] : imputed;
        if (!values.has(field)) values.set(field, value);
        if (values.get(field) === value) continue;
        open.delete(summed);
        values.delete(field);
        break;
      }
    }
  }
  return values;
}

/** Returns the scale of a field's column. @throws {Failure} `examples-invalid` if the variance is infinite. */
export function scaleOf({ name }: Pick<NumericSpec, "name">, mean: number, variance: number): number {
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
