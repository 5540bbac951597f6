import { type OrderedChunk, strideOf, type Walk } from "../examples/ordered_chunk.ts";
import { binCountsOf, type NumericSpec } from "../examples/feature_types.ts";
import { trainPart } from "../examples/split.ts";
import { trainWeightOf, trainWeights } from "./row_weight.ts";
import { slackOf } from "./weight_slack.ts";

/** Values from which a field's quantiles are computed, at most: of more, every second, third … one is taken. */
const valuesMax = 2 ** 18;

/**
 * Computes the bin edges of each numeric field with bins.
 *
 * @param walk Chunks with transformed numeric columns; edges are of transformed values too.
 * @param isWeighted Whether the chunks have weights.
 * @returns Per numeric field: the edges of each count of bins, as `binCountsOf` has them.
 */
export function binEdges(
  walk: Walk,
  features: readonly NumericSpec[],
  isWeighted: boolean,
): (readonly number[])[][] {
  if (features.every(({ bins }) => bins === undefined)) return features.map(() => []);
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
    // Evenly spaced rows over all chunks, regardless of chunk lengths.
    for (let i = (step - (row % step)) % step; i < partEnds[trainPart]; i += step) {
      for (let field = 0; field < features.length; field++) {
        const value = numeric[i * stride + field];
        if (samples[field].length > 0 && value === value) samples[field][counts[field]++] = value;
      }
    }
    row += partEnds[trainPart];
  }
  return features.map((feature, field) =>
    binCountsOf(feature).map((bins) => edgesBetween(samples[field].subarray(0, counts[field]), bins))
  );
}

/**
 * As `binEdges`, for weighted rows. With whole-number weights the edges equal those of a table in which each row is repeated
 * consecutively, also if they are computed from a sample.
 */
function weightedBinEdges(
  walk: Walk,
  features: readonly NumericSpec[],
  valuesMax: number,
): (readonly number[])[][] {
  const takenFrom = createSampling(walk, valuesMax);
  const samples = features.map(() => createSample());
  for (const chunk of walk()) {
    const taken = takenFrom(chunk);
    features.forEach(({ bins }, field) => {
      if (bins !== undefined) samples[field].add(chunk, field, taken);
    });
  }
  return features.map((feature, field) => {
    const values = samples[field].values();
    return binCountsOf(feature).map((bins) => weightedEdgesBetween(values, bins));
  });
}

/**
 * Returns a function that gives each training row's weight in the sample, to be called for the chunks in order. It is the whole
 * weight if rows and total weight are at most `valuesMax`; otherwise the count of marks in the row's part of the cumulative
 * weight, on which marks are evenly spaced.
 */
function createSampling(walk: Walk, valuesMax: number): (chunk: OrderedChunk) => Float64Array {
  let [rows, total] = [0, 0];
  for (const chunk of walk()) {
    rows += chunk.partEnds[trainPart];
    total += trainWeightOf(chunk);
  }
  if (Math.max(rows, total) <= valuesMax) return trainWeights;
  // Rounded up to a whole number if weight is to be dropped: a row of weight n then has the marks of n rows of weight 1.
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

/** Sampled values of one field, with their weights. */
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
 * Returns edges between bins of about equally many values. Bins that a frequent value would fill alone become one bin.
 *
 * @param values Sorted in place. Must not contain NaN.
 * @returns Ascending, at most `binCount` − 1, each above the least value, so that no bin is empty.
 */
export function edgesBetween(values: Float64Array, binCount: number): number[] {
  values.sort();
  if (values.length === 0) return [];
  const least = (_: unknown, bin: number) => values[Math.floor((bin * values.length) / binCount)];
  return edgesFrom(Array.from({ length: binCount }, least));
}

/** Returns the edges between bins that begin at the given values: each once, and none that is the least value. @param least Ascending. */
export function edgesFrom(least: readonly number[]): number[] {
  return least.filter((value, bin) => bin > 0 && value > least[bin - 1]);
}

/** Numbers, none of them NaN, each with a positive weight. */
interface WeightedValues {
  readonly values: Float64Array;
  readonly weights: Float64Array;
}

/** As `edgesBetween`, for bins of about equal weight. With whole-number weights the edges equal those of repeated values. */
function weightedEdgesBetween({ values, weights }: WeightedValues, binCount: number): number[] {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const slack = slackOf(total);
  const edges: number[] = [];
  for (let bin = 1, i = 0, before = 0; bin < binCount && order.length > 0; bin++) {
    // The value at which the cumulative weight exceeds the bin's share.
    const share = (bin * total) / binCount + slack;
    for (; i < order.length - 1 && before + weights[order[i]] <= share; i++) before += weights[order[i]];
    const edge = values[order[i]];
    if (edge > (edges.at(-1) ?? values[order[0]])) edges.push(edge);
  }
  return edges;
}
