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

/** Empties the bins of a field. */
function clear(histogram: Histogram, { offset, range: { from, to } }: CountedField): void {
  histogram.fill(0, 3 * offset, 3 * offset + 3);
  histogram.fill(0, 3 * (offset + from), 3 * (offset + to));
}

/** A field whose bins are counted. */
export interface CountedField {
  readonly codes: Uint16Array;
  /** Of the field's first bin in the histogram. */
  readonly offset: number;
  readonly range: BinRange;
}

/**
 * Sums the rows from `start` to `end` by the bins of one field, or of two at a time: an addition to a bin waits for the last one to it,
 * and those of another field need not. Sums are in row order either way.
 */
export function countFields(
  histogram: Histogram,
  [field, other]: readonly CountedField[],
  rows: OrderedRows,
  start: number,
  end: number,
): void {
  clear(histogram, field);
  if (!other) return countOne(histogram, field, rows, start, end);
  clear(histogram, other);
  const { order, weights, gradients, curvatures } = rows;
  const [offset, otherOffset] = [3 * field.offset, 3 * other.offset];
  const [codes, otherCodes] = [field.codes, other.codes];
  for (let i = start; i < end; i++) {
    const row = order[i];
    const gradient = gradients[row];
    const curvature = curvatures[row];
    const weight = weights ? weights[row] : 1;
    const at = offset + 3 * codes[row];
    histogram[at] += gradient;
    histogram[at + 1] += curvature;
    histogram[at + 2] += weight;
    const otherAt = otherOffset + 3 * otherCodes[row];
    histogram[otherAt] += gradient;
    histogram[otherAt + 1] += curvature;
    histogram[otherAt + 2] += weight;
  }
}

function countOne(
  histogram: Histogram,
  { codes, offset }: CountedField,
  { order, weights, gradients, curvatures }: OrderedRows,
  start: number,
  end: number,
): void {
  for (let i = start; i < end; i++) {
    const row = order[i];
    const at = 3 * (offset + codes[row]);
    histogram[at] += gradients[row];
    histogram[at + 1] += curvatures[row];
    histogram[at + 2] += weights ? weights[row] : 1;
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
