import { type ColumnBuffer, release } from "../files/columns/column_buffer.ts";

/**
 * Keys of a table, by 48-bit fingerprints in bounded memory. That any of a million keys is taken for one of another million
 * is less likely than one in a million.
 */
export interface KeySet {
  /** Remembers the keys of all rows; a full set forgets them. */
  addAll(buffer: ColumnBuffer): void;
  has(buffer: ColumnBuffer, row: number): boolean;
}

const slotsFirst = 2 ** 16;
/** 24 MiB. */
const slotsMax = 2 ** 22;
const loadMax = 0.9;
/** So many keys are remembered, whatever they are. */
export const keysMax = Math.floor(slotsMax * loadMax);

/** @param expected How many keys there will be, as far as that is known. */
export function createKeySet(expected = 0): KeySet {
  // Zeros are a free slot.
  let low = new Uint32Array(slotsFor(expected));
  let high = new Uint16Array(low.length);
  let size = 0;
  const print = new Uint32Array(2);

  /** The slot of the fingerprint, or the free one where it would be. */
  const slotOf = (first: number, second: number) => {
    const mask = low.length - 1;
    let slot = first & mask;
    while (high[slot] !== 0 && (low[slot] !== first || high[slot] !== second)) slot = (slot + 1) & mask;
    return slot;
  };
  const put = (first: number, second: number) => {
    const slot = slotOf(first, second);
    if (high[slot] === 0) size++;
    low[slot] = first;
    high[slot] = second;
  };
  const grow = () => {
    const [smallerLow, smallerHigh] = [low, high];
    low = new Uint32Array(2 * smallerLow.length);
    high = new Uint16Array(low.length);
    size = 0;
    for (let i = 0; i < smallerLow.length; i++) {
      if (smallerHigh[i] !== 0) put(smallerLow[i], smallerHigh[i]);
    }
    release(smallerLow);
    release(smallerHigh);
  };
  return {
    addAll(buffer) {
      for (let row = 0; row < buffer.length; row++) {
        if (size >= low.length * loadMax) {
          if (low.length >= slotsMax) return;
          grow();
        }
        fingerprint(buffer, row, print);
        put(print[0], print[1]);
      }
    },
    has(buffer, row) {
      fingerprint(buffer, row, print);
      return high[slotOf(print[0], print[1])] !== 0;
    },
  };
}

/** A set of integers that is there already. @param sorted Ascending, safe. */
export function keySetOf(sorted: Float64Array): Pick<KeySet, "has"> {
  return {
    has(buffer, row) {
      if (buffer.type !== "INTEGER") return false;
      const key = buffer.words[2 * row + 1] * 2 ** 32 + (buffer.words[2 * row] >>> 0);
      let [low, high] = [0, sorted.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (sorted[middle] < key) low = middle + 1;
        else high = middle;
      }
      // Beyond 2^53 the key may have been rounded to one that is there.
      return low < sorted.length && sorted[low] === key && Math.abs(key) <= Number.MAX_SAFE_INTEGER;
    },
  };
}

function slotsFor(keys: number): number {
  let slots = slotsFirst;
  while (slots * loadMax < keys && slots < slotsMax) slots *= 2;
  return slots;
}

const realBits = new Float64Array(1);
const realWords = new Int32Array(realBits.buffer);

function fingerprint(buffer: ColumnBuffer, row: number, print: Uint32Array): void {
  switch (buffer.type) {
    case "INTEGER":
      return printWords(buffer.words[2 * row], buffer.words[2 * row + 1], print);
    case "REAL":
      realBits[0] = buffer.values[row];
      return printWords(realWords[0], realWords[1], print);
    case "TEXT":
      return printBytes(buffer.bytes, buffer.spans[2 * row], buffer.spans[2 * row + 1], print);
  }
}

const basis = 0x811c9dc5;
/** Two hashes like FNV-1a, of words in place of bytes, that differ in their multipliers. */
const multipliers = { low: 0x01000193, high: 0x5bd1e995 };

function printWords(first: number, second: number, print: Uint32Array): void {
  const { low, high } = multipliers;
  finish(
    Math.imul(Math.imul(basis ^ first, low) ^ second, low),
    Math.imul(Math.imul(basis ^ first, high) ^ second, high),
    print,
  );
}

function printBytes(bytes: Uint8Array, start: number, end: number, print: Uint32Array): void {
  const { low: lowFactor, high: highFactor } = multipliers;
  let low = basis ^ (end - start);
  let high = low;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const word = bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | bytes[i + 3] << 24;
    low = Math.imul(low ^ word, lowFactor);
    high = Math.imul(high ^ word, highFactor);
    // Multiplication carries upwards alone: without this, a word's highest bits would reach few of the others.
    low ^= low >>> 15;
    high ^= high >>> 13;
  }
  for (; i < end; i++) {
    low = Math.imul(low ^ bytes[i], lowFactor);
    high = Math.imul(high ^ bytes[i], highFactor);
  }
  finish(low, high, print);
}

/** The second word has 16 bits, of which one is never 0. */
function finish(low: number, high: number, print: Uint32Array): void {
  print[0] = stir(low);
  print[1] = (stir(high ^ print[0]) >>> 16) | 1;
}

/** The last steps of MurmurHash3: each bit of the result depends on each of the value. */
function stir(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
