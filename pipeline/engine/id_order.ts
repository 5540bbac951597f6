import { orderOfWords } from "../math/rank_order.ts";

/** Ids of rows in the order in which they come: 64-bit integers. */
export interface IdOrder {
  /** @param high Upper word, signed. @param low Lower word, unsigned. */
  add(high: number, low: number): void;
  /** Sorts them. */
  sorted(): SortedIds;
}

/** Ids in ascending order. */
export interface SortedIds {
  /** Index of the row in each place, rows of the same id as they came; undefined if that is the order in which they came. */
  readonly order: Uint32Array | undefined;
  /** An id of several rows. */
  readonly repeated: bigint | undefined;
}

/** Upper words, with the sign inverted, and lower ones. */
interface Words {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

export function createIdOrder(): IdOrder {
  let words: Words = { high: new Uint32Array(1 << 16), low: new Uint32Array(1 << 16) };
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
      const upper = inverted(high);
      if (count > 0) {
        const before = words.high[count - 1];
        isAscending &&= before < upper || (before === upper && words.low[count - 1] <= low);
      }
      words.high[count] = upper;
      words.low[count++] = low;
    },
    sorted() {
      const { high, low } = words;
      const order = isAscending ? undefined : orderOfWords([high.subarray(0, count), low.subarray(0, count)]);
      return { order, repeated: repeatedIn(words, count, order) };
    },
  };
}

function repeatedIn({ high, low }: Words, count: number, order: Uint32Array | undefined): bigint | undefined {
  for (let place = 1; place < count; place++) {
    const one = order ? order[place - 1] : place - 1;
    const other = order ? order[place] : place;
    if (high[one] !== high[other] || low[one] !== low[other]) continue;
    return BigInt.asIntN(64, BigInt(inverted(high[one])) << 32n | BigInt(low[one]));
  }
  return undefined;
}

/** Inverts the sign, so that words ascend without one; and back. */
function inverted(high: number): number {
  return (high ^ 0x80000000) >>> 0;
}
