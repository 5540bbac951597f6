import { weightedEdgesBetween, type WeightedValues } from "./bins.ts";
import type { Walk } from "./cells.ts";
import { type OrderedChunk, strideOf } from "../examples/ordered_chunk.ts";
import type { NumericSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";
import { trainWeightOf, trainWeights } from "./row_weight.ts";

/**
 * As `binEdges`, if rows have weights: with whole-number weights the edges are those of the table in which each row is
 * repeated, one repetition after the other, also if they are taken from a sample of it.
 *
 * @param valuesMax Values that a field's quantiles are taken from.
 */
export function weightedBinEdges(
  walk: Walk,
  features: readonly NumericSpec[],
  valuesMax: number,
): (readonly number[] | undefined)[] {
  const takenFrom = createSampling(walk, valuesMax);
  const samples = features.map(() => createSample());
  for (const chunk of walk()) {
    const taken = takenFrom(chunk);
    features.forEach(({ bins }, field) => {
      if (bins !== undefined) samples[field].add(chunk, field, taken);
    });
  }
  return features.map(({ bins }, field) =>
    bins === undefined ? undefined : weightedEdgesBetween(samples[field].values(), bins)
  );
}

/**
 * How much of each training row's weight the sample has. All of it as long as rows and weights are few; else the row counts for the
 * marks that its weight covers, of marks at even distances over the cumulated weight.
 *
 * @returns To be asked for one chunk after the other.
 */
function createSampling(walk: Walk, valuesMax: number): (chunk: OrderedChunk) => Float64Array {
  let [rows, total] = [0, 0];
  for (const chunk of walk()) {
    rows += chunk.partEnds[trainPart];
    total += trainWeightOf(chunk);
  }
  if (Math.max(rows, total) <= valuesMax) return trainWeights;
  // A whole number where there is more weight than values: so a row of a whole-number weight has the marks of as many rows.
  const step = total > valuesMax ? Math.ceil(total / valuesMax) : total / valuesMax;
  let before = 0;
  return (chunk) =>
    trainWeights(chunk).map((weight) => {
      const after = before + weight;
      const marks = Math.ceil(after / step) - Math.ceil(before / step);
      before = after;
      return marks;
    });
}

/** Values of one field that some weight was taken of. */
function createSample() {
  const [values, weights]: [number[], number[]] = [[], []];
  return {
    add(chunk: OrderedChunk, field: number, taken: Float64Array): void {
      const { numeric } = chunk;
      const stride = strideOf(chunk);
      for (let i = 0, k = field; i < taken.length; i++, k += stride) {
        if (taken[i] === 0 || numeric[k] !== numeric[k]) continue;
        values.push(numeric[k]);
        weights.push(taken[i]);
      }
    },
    values: (): WeightedValues => ({
      values: Float64Array.from(values),
      weights: Float64Array.from(weights),
    }),
  };
}
