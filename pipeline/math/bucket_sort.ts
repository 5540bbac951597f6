/** Average number of values per bucket: they stay in the L1 cache while they are sorted. */
const bucketValues = 256;
/** A bucket with more values, or with more than `cellValuesMax` in one cell, is sorted by comparison. */
const bucketValuesMax = 4_096;
const cellValuesMax = 64;
/** A bucket with fewer values is sorted by insertion. */
const cellsFrom = 16;

/**
 * Sorts numbers that are spread over their range, as log-odds and probabilities are, in about linear time: a bucket sort
 * whose buckets are sorted by a second bucket sort (with one cell per value), then by insertion. Values that are not spread
 * are sorted by comparison.
 *
 * @param values Finite. May be reordered.
 * @returns The values, ascending.
 */
export function sortSpread(values: Float64Array): Float64Array {
  const count = values.length;
  const bucketCount = Math.max(1, Math.floor(count / bucketValues));
  // One more for the maximum, and one because a bucket's count is stored at the index of the next bucket.
  const bucketEnds = new Uint32Array(bucketCount + 2);
  const sorted = new Float64Array(count);
  const buckets = { ends: bucketEnds, count: bucketCount, valuesMax: Infinity };
  if (!spread(values, { from: 0, to: count }, sorted, buckets)) return values.sort();
  const cellEnds = new Uint32Array(bucketValuesMax + 2);
  const scratch = new Float64Array(bucketValuesMax);
  for (let bucket = 0, from = 0; bucket <= bucketCount; from = bucketEnds[bucket++]) {
    const to = bucketEnds[bucket];
    const size = to - from;
    if (size < cellsFrom) insertEach(sorted, from, to);
    else if (
      size <= bucketValuesMax &&
      spread(sorted, { from, to }, scratch, { ends: cellEnds, count: size, valuesMax: cellValuesMax })
    ) {
      for (let i = 0; i < size; i++) sorted[from + i] = scratch[i];
      insertEach(sorted, from, to);
    } else sorted.subarray(from, to).sort();
  }
  return sorted;
}

/** Cells of equal width that divide a range of numbers. */
interface Cells {
  readonly count: number;
  /** Receives the end of each cell, shape (at least count + 2). */
  readonly ends: Uint32Array;
  readonly valuesMax: number;
}

/**
 * Distributes values to cells in ascending order.
 *
 * @param target Receives the values, from index 0.
 * @returns False if they are not spread: all equal, a range too large to scale, or too many in one cell.
 */
function spread(
  values: Float64Array,
  { from, to }: { from: number; to: number },
  target: Float64Array,
  { count, ends, valuesMax }: Cells,
): boolean {
  let [low, high] = [Infinity, -Infinity];
  for (let i = from; i < to; i++) {
    const value = values[i];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const scale = count / (high - low);
  if (!(scale > 0 && scale < Infinity)) return false;
  ends.fill(0, 0, count + 2);
  for (let i = from; i < to; i++) ends[Math.floor((values[i] - low) * scale) + 1]++;
  for (let cell = 1; cell < count + 2; cell++) {
    if (ends[cell] > valuesMax) return false;
    ends[cell] += ends[cell - 1];
  }
  for (let i = from; i < to; i++) {
    const value = values[i];
    target[ends[Math.floor((value - low) * scale)]++] = value;
  }
  return true;
}

function insertEach(values: Float64Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const value = values[i];
    let j = i;
    for (; j > from && values[j - 1] > value; j--) values[j] = values[j - 1];
    values[j] = value;
  }
}
