/** Fewer indices are sorted by comparison. */
const sortedByDigitsFrom = 1_024;
const digitCount = 2 ** 16;

/** An array of this thread alone, as new ones are. */
export type Places = Uint32Array<ArrayBuffer>;

/** Returns the places 0 … `count` − 1. */
export function allPlaces(count: number): Places {
  const places = new Uint32Array(count);
  for (let i = 0; i < count; i++) places[i] = i;
  return places;
}

/**
 * Returns the indices of values in ascending order of the values; equal values in that of their indices.
 *
 * @param values Neither NaN nor below 0: then their bits ascend with them.
 */
export function rankOrder(values: Float64Array): Places {
  const number = new Float64Array(1);
  const words = new Uint32Array(number.buffer);
  number[0] = 1;
  const upper = words[1] === 0 ? 0 : 1;
  const high = new Uint32Array(values.length);
  const low = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    number[0] = values[i];
    high[i] = words[upper];
    low[i] = words[1 - upper];
  }
  return orderOfWords([high, low]);
}

/**
 * Returns the indices of keys in ascending order; equal keys in that of their indices. Many keys are sorted by their digits of 16 bits,
 * from the last to the first, which takes a fraction of the time of comparisons.
 *
 * @param words Of the keys: the first decides most. Shape (keys) each.
 */
export function orderOfWords(words: readonly [Uint32Array, ...Uint32Array[]]): Places {
  let order = allPlaces(words[0].length);
  if (order.length < sortedByDigitsFrom) {
    return order.sort((a, b) => {
      for (const keys of words) if (keys[a] !== keys[b]) return keys[a] - keys[b];
      return a - b;
    });
  }
  let sorted = new Uint32Array(order.length);
  for (const keys of words.toReversed()) {
    for (const shift of [0, 16]) {
      sortByDigit(order, { keys, shift }, sorted);
      [order, sorted] = [sorted, order];
    }
  }
  // At once: the garbage collector would be late, since V8 does not count this memory.
  sorted.buffer.transfer(0);
  return order;
}

/** Sorts indices by 16 bits of their keys, those with the same bits in their order. @param sorted Receives them. */
function sortByDigit(
  order: Places,
  { keys, shift }: { readonly keys: Uint32Array; readonly shift: number },
  sorted: Places,
): void {
  const ends = new Uint32Array(digitCount + 1);
  for (let i = 0; i < keys.length; i++) ends[((keys[i] >>> shift) & 0xffff) + 1]++;
  for (let digit = 1; digit <= digitCount; digit++) ends[digit] += ends[digit - 1];
  for (let i = 0; i < order.length; i++) {
    const index = order[i];
    sorted[ends[(keys[index] >>> shift) & 0xffff]++] = index;
  }
}
