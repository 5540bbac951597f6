import { mixed } from "../math/hash.ts";
import { type ColumnBuffer, release } from "../files/columns/column_buffer.ts";

/** Keys of a table. */
export interface KnownKeys {
  /** Whether the key is one of them; may be true for one that `missing` counts later. */
  has(buffer: ColumnBuffer, row: number): boolean;
  /** Returns how many of the keys that were looked up since the last call are missing after all. */
  missing?(): number;
}

/** Keys of a table's rows that were read. */
export interface ReadKeys extends KnownKeys {
  addAll(buffer: ColumnBuffer): void;
}

const slotsFirst = 2 ** 16;
/** 128 MiB of slots. */
const slotsMax = Math.floor(2 ** 27 / 6);
const loadFactorMax = 0.9;
/** Number of keys that fit in any case. */
export const keysMax = Math.floor(slotsMax * loadFactorMax);

/**
 * A set of keys of a table, as 47-bit fingerprints in bounded memory. That a key is mistaken for one of twenty million others is less
 * likely than one in a million.
 *
 * @param expected Number of keys, if it is known.
 */
export function createKeySet(expected = 0): ReadKeys {
  // A slot of zeros is free.
  let low = new Uint32Array(slotsFor(expected));
  let high = new Uint16Array(low.length);
  let size = 0;
  const fingerprint = new Uint32Array(2);

  /** Returns the slot of the fingerprint, or the free one where it belongs. */
  const slotOf = (first: number, second: number) => {
    // A share of the slots, whose number is no power of two: as many as the keys need.
    let slot = Math.floor(first * (low.length / 2 ** 32));
    while (high[slot] !== 0 && (low[slot] !== first || high[slot] !== second)) {
      if (++slot === low.length) slot = 0;
    }
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
    low = new Uint32Array(Math.min(slotsMax, 2 * smallerLow.length));
    high = new Uint16Array(low.length);
    size = 0;
    for (let i = 0; i < smallerLow.length; i++) {
      if (smallerHigh[i] !== 0) put(smallerLow[i], smallerHigh[i]);
    }
    release(smallerLow);
    release(smallerHigh);
  };
  return {
    /** Adds the keys of all rows, as far as the set has space for them. */
    addAll(buffer: ColumnBuffer): void {
      for (let row = 0; row < buffer.length; row++) {
        if (size >= low.length * loadFactorMax) {
          if (low.length >= slotsMax) return;
          grow();
        }
        writeFingerprint(buffer, row, fingerprint);
        put(fingerprint[0], fingerprint[1]);
      }
    },
    has(buffer: ColumnBuffer, row: number): boolean {
      writeFingerprint(buffer, row, fingerprint);
      return high[slotOf(fingerprint[0], fingerprint[1])] !== 0;
    },
  };
}

function slotsFor(keys: number): number {
  return Math.min(slotsMax, Math.max(slotsFirst, Math.ceil(keys / loadFactorMax) + 1));
}

const realBits = new Float64Array(1);
const realWords = new Int32Array(realBits.buffer);

function writeFingerprint(buffer: ColumnBuffer, row: number, fingerprint: Uint32Array): void {
  switch (buffer.type) {
    case "INTEGER":
      return hashWords(buffer.words[2 * row], buffer.words[2 * row + 1], fingerprint);
    case "REAL":
      realBits[0] = buffer.values[row];
      return hashWords(realWords[0], realWords[1], fingerprint);
    case "TEXT":
      return hashBytes(buffer.bytes, buffer.spans[2 * row], buffer.spans[2 * row + 1], fingerprint);
  }
}

const basis = 0x811c9dc5;
/** Multipliers of two hashes that are like FNV-1a, but take words instead of bytes. */
const multipliers = { low: 0x01000193, high: 0x5bd1e995 };

function hashWords(first: number, second: number, fingerprint: Uint32Array): void {
  const { low, high } = multipliers;
  finish(
    Math.imul(Math.imul(basis ^ first, low) ^ second, low),
    Math.imul(Math.imul(basis ^ first, high) ^ second, high),
    fingerprint,
  );
}

function hashBytes(bytes: Uint8Array, start: number, end: number, fingerprint: Uint32Array): void {
  const { low: lowFactor, high: highFactor } = multipliers;
  let low = basis ^ (end - start);
  let high = low;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const word = bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | bytes[i + 3] << 24;
    low = Math.imul(low ^ word, lowFactor);
    high = Math.imul(high ^ word, highFactor);
    // Multiplication carries upwards only: without this, the highest bits of a word would affect few other bits.
    low ^= low >>> 15;
    high ^= high >>> 13;
  }
  for (; i < end; i++) {
    low = Math.imul(low ^ bytes[i], lowFactor);
    high = Math.imul(high ^ bytes[i], highFactor);
  }
  finish(low, high, fingerprint);
}

/** Writes the fingerprint. Its second word has 16 bits and is never 0. */
function finish(low: number, high: number, fingerprint: Uint32Array): void {
  fingerprint[0] = mixed(low);
  fingerprint[1] = (mixed(high ^ fingerprint[0]) >>> 16) | 1;
}
