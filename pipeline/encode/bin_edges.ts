import { type OrderedChunk, strideOf, type Walk } from "../examples/ordered_chunk.ts";
import type { NumericSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";
import { trainWeightOf, trainWeights } from "./row_weight.ts";
import { slackOf } from "./weight_slack.ts";

/** Values that a field's quantiles are taken from: of more, these are every second, third … one. */
const valuesMax = 2 ** 18;

/**
 * Edges of the bins of each numeric field that is to have some.
 *
 * @param walk Over chunks whose numeric columns are transformed: so are the edges.
 * @param isWeighted Whether the chunks have weights.
 * @returns Per numeric field; undefined for one without bins.
 */
export function binEdges(
  walk: Walk,
  features: readonly NumericSpec[],
  isWeighted: boolean,
): (readonly number[] | undefined)[] {
  if (features.every(({ bins }) => bins === undefined)) return features.map(() => undefined);
  if (isWeighted) return weightedBinEdges(walk, features, valuesMax);
  let trainRows = 0;
  for (const { partEnds } of walk()) trainRows += partEnds[trainPart];
  const step = Math.max(1, Math.ceil(trainRows / valuesMax));
  const samples = features.map(({ bins }) =>
    new Float64Array(bins === undefined ? 0 : Math.ceil(trainRows / step))
  );
  const counts = features.map(() => 0);
  let row = 0;
  for (const chunk of walk()) {
    const { numeric, partEnds } = chunk;
    const stride = strideOf(chunk);
    // Rows at even distances over all chunks, whatever their lengths.
    for (let i = (step - (row % step)) % step; i < partEnds[trainPart]; i += step) {
      for (let field = 0; field < features.length; field++) {
        const value = numeric[i * stride + field];
        if (samples[field].length > 0 && value === value) samples[field][counts[field]++] = value;
      }
    }
    row += partEnds[trainPart];
  }
  return features.map(({ bins }, field) =>
    bins === undefined ? undefined : edgesBetween(samples[field].subarray(0, counts[field]), bins)
  );
}

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

/**
 * Edges between bins that hold about as many values each. A value that many rows have can fill several: these are one bin.
 *
 * @param values Is sorted in place. Without NaN.
 * @returns Ascending, at most `binCount` − 1, each above the least value, so that no bin is empty.
 */
export function edgesBetween(values: Float64Array, binCount: number): number[] {
  values.sort();
  const edges: number[] = [];
  for (let bin = 1; bin < binCount; bin++) {
    const edge = values[Math.floor((bin * values.length) / binCount)];
    if (edge > (edges.at(-1) ?? values[0])) edges.push(edge);
  }
  return edges;
}

/** Numbers, none of them NaN, each with a positive weight. */
export interface WeightedValues {
  readonly values: Float64Array;
  readonly weights: Float64Array;
}

/** As `edgesBetween`, between bins of about as much weight each: those of the values with each one repeated, if weights are whole numbers. */
export function weightedEdgesBetween({ values, weights }: WeightedValues, binCount: number): number[] {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const slack = slackOf(total);
  const edges: number[] = [];
  for (let bin = 1, i = 0, before = 0; bin < binCount && order.length > 0; bin++) {
    // The value that passes the bin's share of the weight.
    const share = (bin * total) / binCount + slack;
    for (; i < order.length - 1 && before + weights[order[i]] <= share; i++) before += weights[order[i]];
    const edge = values[order[i]];
    if (edge > (edges.at(-1) ?? values[order[0]])) edges.push(edge);
  }
  return edges;
}
