/** Fewer values are sorted by comparison. */
const sortedByDigitsFrom = 4_096;
const digitCount = 2 ** 16;

/**
 * Returns the indices of values in ascending order of the values; equal values in that of their indices. Many values are sorted by the
 * two upper digits of their bits, which takes a fraction of the time of comparisons.
 *
 * @param values Neither NaN nor below 0.
 */
export function rankOrder(values: Float64Array): Uint32Array {
  const byValue = (a: number, b: number) => values[a] - values[b] || a - b;
  const order = new Uint32Array(values.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  if (values.length < sortedByDigitsFrom) return order.sort(byValue);
  const upper = upperBits(values);
  const half = sortByDigit(order, upper, 0);
  const sorted = sortByDigit(half, upper, 16);
  // The lower bits decide among those that are equal in the upper ones.
  for (let from = 0, to = 1; from < sorted.length; from = to++) {
    let isEqual = true;
    for (; to < sorted.length && upper[sorted[to]] === upper[sorted[from]]; to++) {
      isEqual &&= values[sorted[to]] === values[sorted[from]];
    }
    if (!isEqual) sorted.subarray(from, to).sort(byValue);
  }
  return sorted;
}

/** Returns the upper 32 bits of each number: they ascend with numbers that are not below 0. */
function upperBits(values: Float64Array): Uint32Array {
  const number = new Float64Array(1);
  const words = new Uint32Array(number.buffer);
  number[0] = 1;
  const upper = words[1] === 0 ? 0 : 1;
  const keys = new Uint32Array(values.length);
  for (let i = 0; i < keys.length; i++) {
    number[0] = values[i];
    keys[i] = words[upper];
  }
  return keys;
}

/** Returns indices sorted by 16 bits of their keys, those with the same bits in their order. */
export function sortByDigit(order: Uint32Array, keys: Uint32Array, shift: number): Uint32Array {
  const ends = new Uint32Array(digitCount + 1);
  for (let i = 0; i < keys.length; i++) ends[((keys[i] >>> shift) & 0xffff) + 1]++;
  for (let digit = 1; digit <= digitCount; digit++) ends[digit] += ends[digit - 1];
  const sorted = new Uint32Array(order.length);
  for (let i = 0; i < order.length; i++) {
    const index = order[i];
    sorted[ends[(keys[index] >>> shift) & 0xffff]++] = index;
  }
  return sorted;
}
