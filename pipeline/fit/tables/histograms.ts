import type { BoostField } from "./boost_rows.ts";

/**
 * Sums over the rows of a leaf, by field and bin: gradient, curvature and weight, three numbers per bin.
 *
 * A field's bins start at its offset. Only the bins that the leaf may hold are valid: bin 0 and those from `from` to `to`.
 */
export type Histogram = Float64Array;

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
export function binOffsets(fields: readonly BoostField[]): Int32Array {
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

/** Subtracts one child's sums from its parent's, which become the other child's. */
export function subtractField(
  parent: Histogram,
  child: Histogram,
  offset: number,
  { from, to }: BinRange,
): void {
  for (let i = 3 * offset; i < 3 * offset + 3; i++) parent[i] -= child[i];
  for (let i = 3 * (offset + from); i < 3 * (offset + to); i++) parent[i] -= child[i];
}
