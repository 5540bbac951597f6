import type { LeakColumn } from "./leak_rows.ts";

/** A column's rows in bins. */
export interface BinnedColumn {
  /** Shape (rows). */
  readonly bins: Uint32Array;
  readonly binCount: number;
}

/** Bins of numbers, at most and of few rows, and the rows of the rarer label for each. */
const [binsMax, fewBins, binRows] = [64, 10, 10];
const quantileRowsMax = 4_096;

/** Bins a column: missing at 0, then its levels, or ranges of about equally many rows. Only bins with rows are numbered. */
export function binColumn({ kind }: LeakColumn, values: Float64Array, labels: Uint8Array): BinnedColumn {
  return kind === "category" ? binLevels(values) : binNumbers(values, labels);
}

function binLevels(codes: Float64Array): BinnedColumn {
  const numberOf = new Map<number, number>();
  const bins = Uint32Array.from(codes, (code) => numberOf.getOrInsertComputed(code, () => numberOf.size));
  return { bins, binCount: numberOf.size };
}

/** Bins numbers by quantiles. A value that would fill a bin alone has one, and so does each of few distinct values. */
export function binNumbers(values: Float64Array, labels: Uint8Array): BinnedColumn {
  const clicks = labels.reduce((sum, label) => sum + label, 0);
  const edges = edgesOf(values, Math.min(clicks, labels.length - clicks));
  const bins = Uint32Array.from(values, (value) => value === value ? 1 + edgesUpTo(edges, value) : 0);
  return { bins, binCount: edges.length + 2 };
}

/** @param rarer Rows of the rarer label. */
function edgesOf(values: Float64Array, rarer: number): number[] {
  const step = Math.ceil(values.length / quantileRowsMax);
  const sorted = values.filter((value, i) => i % step === 0 && value === value).sort();
  const distinct = [...new Set(sorted)];
  // The edge is the least value of its bin.
  const binCount = Math.min(binsMax, Math.max(fewBins, Math.floor(rarer / binRows)));
  if (distinct.length <= binCount) return distinct.slice(1);
  const edges: number[] = [];
  for (let bin = 1; bin < binCount; bin++) {
    const edge = sorted[Math.floor((bin * sorted.length) / binCount)];
    if (edge > (edges.at(-1) ?? sorted[0])) edges.push(edge);
  }
  return edges;
}

/** Returns the count of edges that are not above the value. */
function edgesUpTo(edges: readonly number[], value: number): number {
  let [from, to] = [0, edges.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (edges[middle] <= value) from = middle + 1;
    else to = middle;
  }
  return from;
}
