import { slackOf } from "./weight_slack.ts";

/**
 * Returns edges between the bins of numbers: each value has a bin if there are at most `binsMax`; else bins hold about equally many
 * rows. An edge is half-way between the last value of a bin and the next value of a row.
 *
 * @param values Not NaN. Sorted in place, unless there are weights.
 * @param weights Of the values; by default each is 1. Whole-number weights give the edges of repeated values.
 * @returns Ascending.
 * @see Hyndman & Fan, Sample Quantiles in Statistical Packages (1996), definition 1, for the quantiles.
 */
export function quantileCuts(
  values: Float64Array,
  weights: Float64Array | undefined,
  binsMax: number,
): number[] {
  const distinct = distinctOf(values, weights);
  const last = distinct.values.length - 1;
  const between = (i: number) => halfWay(distinct.values[i], distinct.values[i + 1]);
  if (last < binsMax) return Array.from({ length: Math.max(0, last) }, (_, i) => between(i));
  const total = distinct.weights.reduce((sum, weight) => sum + weight, 0);
  const slack = slackOf(total);
  const edges: number[] = [];
  for (let bin = 1, i = 0, sum = distinct.weights[0], before = -1; bin < binsMax; bin++) {
    // The first value at which the cumulative weight reaches the bin's share.
    while (i < last && sum < (bin * total) / binsMax - slack) sum += distinct.weights[++i];
    if (i > before && i < last) edges.push(between(i));
    before = i;
  }
  return edges;
}

/** Distinct values, ascending, with the weight of each. */
interface Distinct {
  readonly values: number[];
  readonly weights: number[];
}

function distinctOf(values: Float64Array, weights: Float64Array | undefined): Distinct {
  const found: Distinct = { values: [], weights: [] };
  const add = (value: number, weight: number) => {
    const at = found.values.length - 1;
    if (found.values[at] === value) found.weights[at] += weight;
    else {
      found.values.push(value);
      found.weights.push(weight);
    }
  };
  if (weights === undefined) { for (const value of values.sort()) add(value, 1); }
  else {
    const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b] || a - b);
    for (const i of order) add(values[i], weights[i]);
  }
  return found;
}

/** Returns a number above the lower value and not above the upper one. */
function halfWay(low: number, high: number): number {
  const middle = low / 2 + high / 2;
  return middle > low && middle <= high ? middle : high;
}
