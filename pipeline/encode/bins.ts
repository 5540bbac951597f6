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
