import { sortByDigit } from "../math/rank_order.ts";

/** Ids of rows in the order in which they come: 64-bit integers. */
export interface IdOrder {
  /** @param high Upper word, signed. @param low Lower word, unsigned. */
  add(high: number, low: number): void;
  /** Returns the index of the row in each place, rows of the same id as they came; undefined if that is the order in which they came. */
  order(): Uint32Array | undefined;
}

export function createIdOrder(): IdOrder {
  let words = { high: new Uint32Array(1 << 16), low: new Uint32Array(1 << 16) };
  let count = 0;
  let isAscending = true;
  const enlarged = (array: Uint32Array) => {
    const larger = new Uint32Array(2 * array.length);
    larger.set(array);
    return larger;
  };
  return {
    add(high, low) {
      if (count === words.high.length) words = { high: enlarged(words.high), low: enlarged(words.low) };
      // The sign's bit is inverted, so that they ascend without a sign.
      const upper = (high ^ 0x80000000) >>> 0;
      if (count > 0) {
        const before = words.high[count - 1];
        isAscending &&= before < upper || (before === upper && words.low[count - 1] <= low);
      }
      words.high[count] = upper;
      words.low[count++] = low;
    },
    order() {
      if (isAscending) return undefined;
      const unordered: Uint32Array = new Uint32Array(count);
      for (let i = 0; i < count; i++) unordered[i] = i;
      const digits = [words.low, words.high].flatMap((keys) =>
        [0, 16].map((shift) => ({ keys: keys.subarray(0, count), shift }))
      );
      return digits.reduce<Uint32Array>(
        (order, { keys, shift }) => sortByDigit(order, keys, shift),
        unordered,
      );
    },
  };
}
