/** Numbers of one bucket on average: they stay in the fastest cache while they are sorted. */
const bucketValues = 256;
/** A bucket of more, or one in which so many share a cell, is not spread: it is sorted by comparing. */
const bucketValuesMax = 4_096;
const cellValuesMax = 64;
/** Fewer are put in order by insertion at once. */
const cellsFrom = 16;

/**
 * Sorts numbers that are spread over their range, as log-odds and probabilities are: each goes to the bucket of its place in
 * the range, and within it to a cell, one per number, so that what is left to do is between neighbours. About linear in
 * their number; where they are not spread they are sorted by comparing them.
 *
 * @param values Finite. May be reordered.
 * @returns All of them, ascending.
 */
export function sortSpread(values: Float64Array): Float64Array {
  const count = values.length;
  const bucketCount = Math.max(1, Math.floor(count / bucketValues));
  // One more for the highest value, and one because a cell's count stands where the next one begins.
  const bucketEnds = new Uint32Array(bucketCount + 2);
  const sorted = new Float64Array(count);
  const buckets = { ends: bucketEnds, count: bucketCount, valuesMax: Infinity };
  if (!spread(values, { from: 0, to: count }, sorted, buckets)) return values.sort();
  const cellEnds = new Uint32Array(bucketValuesMax + 2);
  const room = new Float64Array(bucketValuesMax);
  for (let bucket = 0, from = 0; bucket <= bucketCount; from = bucketEnds[bucket++]) {
    const to = bucketEnds[bucket];
    const size = to - from;
    if (size < cellsFrom) insertEach(sorted, from, to);
    else if (
      size <= bucketValuesMax &&
      spread(sorted, { from, to }, room, { ends: cellEnds, count: size, valuesMax: cellValuesMax })
    ) {
      for (let i = 0; i < size; i++) sorted[from + i] = room[i];
      insertEach(sorted, from, to);
    } else sorted.subarray(from, to).sort();
  }
  return sorted;
}

/** Parts of equal width into which a range of numbers is divided. */
interface Cells {
  readonly count: number;
  /** Gets where each one ends; shape (at least count + 2). */
  readonly ends: Uint32Array;
  readonly valuesMax: number;
}

/**
 * Puts values into cells, the lowest first.
 *
 * @param target Gets them, from its start.
 * @returns False where they are not spread: all the same, too far apart to be scaled, or too many in one cell.
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
