import { slackOf } from "./weight_slack.ts";

/**
 * The bin of a number: how many edges are not above it.
 *
 * @param edges Ascending.
 */
export function binOf(edges: readonly number[], value: number): number {
  let from = 0;
  let to = edges.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (edges[middle] <= value) from = middle + 1;
    else to = middle;
  }
  return from;
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
