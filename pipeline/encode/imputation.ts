import { type OrderedChunk, strideOf, type Walk } from "../examples/ordered_chunk.ts";
import { createMedianSearch } from "./median.ts";
import type { NumericSpec } from "../examples/feature_types.ts";
import { trainPart } from "../examples/split.ts";
import { trainWeights } from "./row_weight.ts";
import { createWeightedMedianSearch } from "./weighted_median.ts";

/** Computes the imputed value of one field in one or more passes over the training rows. */
interface Imputation {
  add(chunk: OrderedChunk): void;
  /** Ends a pass. @returns Whether another one is needed. */
  endWalk(): boolean;
  value(): number;
}

/** A numeric field whose missing values are replaced. */
export interface ImputedField {
  /** Index among the numeric fields. */
  readonly field: number;
  readonly impute: NumericSpec["impute"];
}

/**
 * Computes the value that replaces a missing one, for some numeric fields, in the field's unit.
 *
 * @param walk Chunks with raw values.
 * @param isWeighted Whether the chunks have weights.
 */
export function imputationsOf(walk: Walk, fields: readonly ImputedField[], isWeighted: boolean): number[] {
  const imputations = fields.map(({ field, impute }) => imputationOf(impute, field, isWeighted));
  let open = imputations.filter((_, i) => typeof fields[i].impute !== "number");
  while (open.length > 0) {
    for (const chunk of walk()) for (const imputation of open) imputation.add(chunk);
    open = open.filter((imputation) => imputation.endWalk());
  }
  return imputations.map((imputation) => imputation.value());
}

function imputationOf(impute: NumericSpec["impute"], field: number, isWeighted: boolean): Imputation {
  if (impute === "median") return isWeighted ? weightedMedianOf(field) : medianOf(field);
  return impute === "mean" ? meanOf(field) : fixed(impute);
}

function medianOf(field: number): Imputation {
  const search = createMedianSearch();
  return {
    add: (chunk) => search.add(chunk.numeric, field, strideOf(chunk), chunk.partEnds[trainPart]),
    endWalk: search.endWalk,
    value: () => search.median() ?? 0,
  };
}

function weightedMedianOf(field: number): Imputation {
  const search = createWeightedMedianSearch();
  return {
    add: (chunk) =>
      search.add({ values: chunk.numeric, from: field, stride: strideOf(chunk) }, trainWeights(chunk)),
    endWalk: search.endWalk,
    value: () => search.median() ?? 0,
  };
}

function meanOf(field: number): Imputation {
  let sum = 0;
  let count = 0;
  let [least, most] = [Infinity, -Infinity];
  return {
    add(chunk) {
      const { numeric, partEnds, weights } = chunk;
      const stride = strideOf(chunk);
      for (let i = 0, k = field; i < partEnds[trainPart]; i++, k += stride) {
        if (numeric[k] !== numeric[k]) continue;
        const weight = weights ? weights[i] : 1;
        sum += weight * numeric[k];
        count += weight;
        if (numeric[k] < least) least = numeric[k];
        if (numeric[k] > most) most = numeric[k];
      }
    },
    endWalk: () => false,
    // Clamped, so that the mean of equal values is that value despite rounding of their sum.
    value: () => count > 0 ? Math.min(most, Math.max(least, sum / count)) : 0,
  };
}

function fixed(value: number): Imputation {
  return { add: () => {}, endWalk: () => false, value: () => value };
}
