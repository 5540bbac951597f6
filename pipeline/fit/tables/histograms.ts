import type { BoostField } from "./boost_rows.ts";

/**
 * Sums over the rows of a leaf, by field and bin: gradient, curvature and weight, three numbers per bin.
 *
 * A field's bins start at its offset. Only the bins that the leaf may hold are valid: bin 0 and those from `from` to `to`.
 */
export type Histogram = Float64Array;

/** Memory for histograms. A leaf whose path has two fields can only be divided by these, and has room for no others. */
export function createHistogramPool(fields: readonly BoostField[]) {
  const offsets = binOffsets(fields);
  const [first = 0, second = 0] = fields.map(({ binCount }) => binCount).sort((a, b) => b - a);
  const sizes = [3 * offsets[fields.length], 3 * (first + second)];
  const free: readonly [Histogram[], Histogram[]] = [[], []];
  const kindOf = (path: readonly number[]) => path.length === 2 ? 1 : 0;
  return {
    take: (path: readonly number[]): Histogram =>
      free[kindOf(path)].pop() ?? new Float64Array(sizes[kindOf(path)]),
    release(histogram: Histogram, path: readonly number[]): void {
      free[kindOf(path)].push(histogram);
    },
    /** Returns where a field's bins begin in the histogram of a leaf with this path. */
    offsetOf(path: readonly number[], field: number): number {
      if (path.length < 2) return offsets[field];
      return field === path[0] ? 0 : fields[path[0]].binCount;
    },
  };
}

export type HistogramPool = ReturnType<typeof createHistogramPool>;

/** The part of a field's bins from 1 that a leaf may hold, besides bin 0. */
export interface BinRange {
  readonly from: number;
  readonly to: number;
}

/** Rows with their derivatives, in the order of `order`. */
export interface OrderedRows {
  /** Shape (rows): row numbers, of which those of a leaf are adjacent. */
  readonly order: Uint32Array;
  readonly weights?: Float64Array | undefined;
  /** By row number: derivatives of the loss by the logit. */
  readonly gradients: Float64Array;
  readonly curvatures: Float64Array;
}

/** Returns the offset of each field's bins, and their total. */
function binOffsets(fields: readonly BoostField[]): Int32Array {
  const offsets = new Int32Array(fields.length + 1);
  for (let f = 0; f < fields.length; f++) offsets[f + 1] = offsets[f] + fields[f].binCount;
  return offsets;
}

/** Empties the bins of a field. @param offset Of the field's first bin. */
function clear(histogram: Histogram, offset: number, { from, to }: BinRange): void {
  histogram.fill(0, 3 * offset, 3 * offset + 3);
  histogram.fill(0, 3 * (offset + from), 3 * (offset + to));
}

/** Sums the rows from `start` to `end` by the bins of one field. */
export function countField(
  histogram: Histogram,
  offset: number,
  range: BinRange,
  codes: Uint16Array,
  { order, weights, gradients, curvatures }: OrderedRows,
  start: number,
  end: number,
): void {
  clear(histogram, offset, range);
  if (weights) {
    for (let i = start; i < end; i++) {
      const row = order[i];
      const at = 3 * (offset + codes[row]);
      histogram[at] += gradients[row];
      histogram[at + 1] += curvatures[row];
      histogram[at + 2] += weights[row];
    }
    return;
  }
  for (let i = start; i < end; i++) {
    const row = order[i];
    const at = 3 * (offset + codes[row]);
    histogram[at] += gradients[row];
    histogram[at + 1] += curvatures[row];
    histogram[at + 2]++;
  }
}

/** Subtracts one child's sums over the bins of a field from those of its parent, which become the other child's. */
export function subtractField(
  parent: Histogram,
  parentOffset: number,
  child: Histogram,
  childOffset: number,
  { from, to }: BinRange,
): void {
  const ahead = 3 * (childOffset - parentOffset);
  for (let i = 3 * parentOffset; i < 3 * parentOffset + 3; i++) parent[i] -= child[i + ahead];
  for (let i = 3 * (parentOffset + from); i < 3 * (parentOffset + to); i++) parent[i] -= child[i + ahead];
}
