import { type ColumnBuffer, textStart } from "./column_buffer.ts";

/**
 * Keys of a table, by 64-bit fingerprints in bounded memory. That any of a million keys is taken for one of another million
 * is less likely than one in a million.
 */
export interface KeySet {
  /** Remembers the key of a row; a full set forgets it. */
  add(buffer: ColumnBuffer, row: number): void;
  has(buffer: ColumnBuffer, row: number): boolean;
}

const slotsFirst = 2 ** 16;
/** 16 MiB. */
const slotsMax = 2 ** 21;
const loadMax = 0.85;

export function createKeySet(): KeySet {
  // Pairs of words; a pair of zeros is a free slot.
  let slots = new Uint32Array(2 * slotsFirst);
  let size = 0;
  const print = new Uint32Array(2);

  /** The slot of the fingerprint, or the free one where it would be. */
  const slotOf = (low: number, high: number) => {
    const mask = slots.length / 2 - 1;
    let slot = low & mask;
    while (slots[2 * slot] !== 0 || slots[2 * slot + 1] !== 0) {
      if (slots[2 * slot] === low && slots[2 * slot + 1] === high) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  };
  const grow = () => {
    const smaller = slots;
    slots = new Uint32Array(2 * smaller.length);
    for (let i = 0; i < smaller.length; i += 2) {
      const [low, high] = [smaller[i], smaller[i + 1]];
      if (low === 0 && high === 0) continue;
      const slot = slotOf(low, high);
      slots[2 * slot] = low;
      slots[2 * slot + 1] = high;
    }
  };
  return {
    add(buffer, row) {
      const capacity = slots.length / 2;
      if (size >= capacity * loadMax) {
        if (capacity >= slotsMax) return;
        grow();
      }
      fingerprint(buffer, row, print);
      const slot = slotOf(print[0], print[1]);
      if (slots[2 * slot] === 0 && slots[2 * slot + 1] === 0) size++;
      slots[2 * slot] = print[0];
      slots[2 * slot + 1] = print[1];
    },
    has(buffer, row) {
      fingerprint(buffer, row, print);
      const slot = slotOf(print[0], print[1]);
      return slots[2 * slot] !== 0 || slots[2 * slot + 1] !== 0;
    },
  };
}

const multipliers = [0x01000193, 0x5bd1e995] as const;

/** Two FNV-1a hashes with multipliers of their own, each stirred at the end; never a pair of zeros. */
function fingerprint(buffer: ColumnBuffer, row: number, print: Uint32Array): void {
  let low = 0x811c9dc5;
  let high = low;
  if (buffer.type === "TEXT") {
    const { bytes, ends } = buffer;
    const end = ends[row];
    for (let i = textStart(buffer, row); i < end; i++) {
      low = Math.imul(low ^ bytes[i], multipliers[0]);
      high = Math.imul(high ^ bytes[i], multipliers[1]);
    }
  } else {
    const words = buffer.type === "INTEGER"
      ? buffer.words.subarray(2 * row, 2 * row + 2)
      : new Int32Array(Float64Array.of(buffer.values[row]).buffer);
    for (const word of words) {
      low = Math.imul(low ^ word, multipliers[0]);
      high = Math.imul(high ^ word, multipliers[1]);
    }
  }
  print[0] = stir(low);
  print[1] = stir(high ^ print[0]) | 1;
}

/** The last steps of MurmurHash3: each bit of the result depends on each of the value. */
function stir(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
