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
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < count; i++) {
    const value = values[i];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const scale = bucketCount / (high - low);
  if (!isScale(scale)) return values.sort();
  // One more for the highest value, and one because a bucket's count stands where the next one begins.
  const ends = new Uint32Array(bucketCount + 2);
  for (let i = 0; i < count; i++) ends[Math.floor((values[i] - low) * scale) + 1]++;
  for (let bucket = 1; bucket < ends.length; bucket++) ends[bucket] += ends[bucket - 1];
  const sorted = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const value = values[i];
    sorted[ends[Math.floor((value - low) * scale)]++] = value;
  }
  const sortBucket = createBucketSort();
  for (let bucket = 0, from = 0; bucket <= bucketCount; from = ends[bucket++]) {
    sortBucket(sorted, from, ends[bucket]);
  }
  return sorted;
}

function isScale(scale: number): boolean {
  return scale > 0 && scale < Infinity;
}

function createBucketSort(): (values: Float64Array, from: number, to: number) => void {
  const ends = new Uint32Array(bucketValuesMax + 2);
  const room = new Float64Array(bucketValuesMax);

  /** @returns Whether the values were spread. */
  const placeInCells = (values: Float64Array, from: number, to: number): boolean => {
    const count = to - from;
    if (count > bucketValuesMax) return false;
    let [low, high] = [values[from], values[from]];
    for (let i = from + 1; i < to; i++) {
      const value = values[i];
      if (value < low) low = value;
      else if (value > high) high = value;
    }
    const scale = count / (high - low);
    if (!isScale(scale)) return false;
    ends.fill(0, 0, count + 2);
    for (let i = from; i < to; i++) ends[Math.floor((values[i] - low) * scale) + 1]++;
    for (let cell = 1; cell < count + 2; cell++) {
      if (ends[cell] > cellValuesMax) return false;
      ends[cell] += ends[cell - 1];
    }
    for (let i = from; i < to; i++) {
      const value = values[i];
      room[ends[Math.floor((value - low) * scale)]++] = value;
    }
    for (let i = 0; i < count; i++) values[from + i] = room[i];
    return true;
  };
  return (values, from, to) => {
    if (to - from >= cellsFrom && !placeInCells(values, from, to)) values.subarray(from, to).sort();
    else insertEach(values, from, to);
  };
}

function insertEach(values: Float64Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const value = values[i];
    let j = i;
    for (; j > from && values[j - 1] > value; j--) values[j] = values[j - 1];
    values[j] = value;
  }
}
