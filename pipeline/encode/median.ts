/**
 * Median, without sorting: two counts by 16 bits of the values' order find the few that can be it.
 *
 * @param values Without NaN; shape (n).
 * @returns undefined where there are none; the mean of the middle two where their count is even.
 */
export function median(values: Float64Array): number | undefined {
  const count = values.length;
  if (count === 0) return undefined;
  const keys = orderOf(values);
  const upper = new Uint32Array(0x10000);
  for (let i = 0; i < count; i++) upper[keys[i] >>> 16]++;
  const low = nth(values, keys, upper, (count - 1) >>> 1);
  return count % 2 === 1 ? low : (low + nth(values, keys, upper, count >>> 1)) / 2;
}

/** Upper 32 bits of each value's place in the order of all numbers. */
function orderOf(values: Float64Array): Uint32Array {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  const keys = new Uint32Array(values.length);
  for (let i = 0; i < keys.length; i++) {
    const high = words[2 * i + 1];
    // Negative numbers order the other way round, and before the positive ones.
    keys[i] = high < 0 ? ~high : high ^ 0x80000000;
  }
  return keys;
}

/** The value that `rank` others precede. */
function nth(values: Float64Array, keys: Uint32Array, upper: Uint32Array, rank: number): number {
  const high = find(upper, rank);
  const lower = new Uint32Array(0x10000);
  for (let i = 0; i < keys.length; i++) if (keys[i] >>> 16 === high.slot) lower[keys[i] & 0xffff]++;
  const low = find(lower, high.rank);
  const wanted = ((high.slot << 16) | low.slot) >>> 0;
  const candidates = new Float64Array(lower[low.slot]);
  let least = Infinity;
  let greatest = -Infinity;
  for (let i = 0, k = 0; k < candidates.length; i++) {
    if (keys[i] !== wanted) continue;
    candidates[k++] = values[i];
    least = Math.min(least, values[i]);
    greatest = Math.max(greatest, values[i]);
  }
  // Amounts repeat: a run of one value needs no sorting.
  return least === greatest ? least : candidates.sort()[low.rank];
}

/** The slot in which the count passes `rank`, and the rank within it. */
function find(counts: Uint32Array, rank: number): { slot: number; rank: number } {
  let slot = 0;
  while (rank >= counts[slot]) rank -= counts[slot++];
  return { slot, rank };
}
