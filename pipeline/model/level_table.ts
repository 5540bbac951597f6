import { isSame } from "./same_bytes.ts";

/** Slots that a search looks at, at most: at random, a million levels need some 70. */
const probesMax = 256;
const utf8 = new TextEncoder();

/** The levels of all fields and the value of each, found by their bytes in UTF-8. */
export interface LevelTable {
  /**
   * Returns the slot of the text at a place in the bytes; −1 if it is no level of the field.
   *
   * @param hash Of the field and the bytes, by {@link addToHash}.
   */
  slotOf(hash: number, bytes: DataView, from: number, length: number): number;
  valueAt(slot: number): number;
}

/** Returns the hash of a field and the bytes before and including this one. @param hash At first, the index of the field. */
export function addToHash(hash: number, byte: number): number {
  // As FNV-1a.
  return Math.imul(hash ^ byte, 0x01000193);
}

/**
 * One table with open addressing for all fields. A `Map` per field needs a string for each value, and reads more lines of the cache.
 *
 * @param levels Per field: the value of each level that is a text.
 * @returns undefined if too many texts have one hash, as those of which it was made to be equal.
 */
export function createLevelTable(levels: readonly ReadonlyMap<unknown, number>[]): LevelTable | undefined {
  let count = 0;
  let unitCount = 0;
  for (const [, text] of eachText(levels)) {
    count++;
    unitCount += text.length;
  }
  let mask = 1;
  while (mask < 2 * count) mask = 2 * mask + 1;
  /** Per slot, 24 bytes: hash, start of the text, its length plus 1 (0 in a free slot), four bytes of nothing, value. */
  const slots = new Float64Array(3 * (mask + 1));
  const words = new Int32Array(slots.buffer);
  /** A code unit takes three bytes at most. */
  const known = new Uint8Array(3 * unitCount);
  const texts = new DataView(known.buffer);
  let end = 0;
  for (const [field, text, value] of eachText(levels)) {
    const { written } = utf8.encodeInto(text, known.subarray(end));
    const hash = known.subarray(end, end + written).reduce(addToHash, field);
    let slot = firstSlot(hash);
    for (let probes = 0; words[6 * slot + 2] !== 0; slot = (slot + 1) & mask) {
      if (++probes === probesMax) return undefined;
    }
    words.set([hash, end, written + 1], 6 * slot);
    slots[3 * slot + 2] = value;
    end += written;
  }
  function firstSlot(hash: number): number {
    // The upper bits are folded into those that select a slot.
    return (hash ^ (hash >>> 15)) & mask;
  }
  return {
    slotOf(hash, bytes, from, length) {
      let slot = firstSlot(hash);
      for (let probes = 0; probes < probesMax; probes++, slot = (slot + 1) & mask) {
        const lengthPlus1 = words[6 * slot + 2];
        if (lengthPlus1 === 0) return -1;
        if (words[6 * slot] !== hash || lengthPlus1 !== length + 1) continue;
        if (isSame(bytes, from, texts, words[6 * slot + 1], length)) return slot;
      }
      return -1;
    },
    valueAt: (slot) => slots[3 * slot + 2],
  };
}

function* eachText(levels: readonly ReadonlyMap<unknown, number>[]): Generator<[number, string, number]> {
  for (const [field, values] of levels.entries()) {
    for (const [level, value] of values) {
      // Of U+FFFD it is not known whether it was sent: such a text is parsed.
      if (typeof level === "string" && !level.includes("\ufffd")) yield [field, level, value];
    }
  }
}
