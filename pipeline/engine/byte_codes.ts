import { Buffer } from "node:buffer";

/** Texts up to this length are in the table. */
const lengthMax = 24;
/** Slots that a search looks at, at most: texts whose hashes were made to be equal are in the map. */
const probesMax = 32;

/** Codes of texts that come as bytes in UTF-8, in the order in which they appear. */
export interface ByteCodes {
  /** By code; null for missing at 0. */
  readonly levels: (string | null)[];
  /** Returns the code of the text between two places, which is new if the text is. */
  codeOf(bytes: Uint8Array, from: number, to: number): number;
}

/** As `createTextCodes` of examples/text_codes.ts, without a string for each value. */
export function createByteCodes(): ByteCodes {
  const levels: (string | null)[] = [null];
  const others = new Map<string, number>();
  let mask = 255;
  let count = 0;
  /** Per slot: the code, 0 if it is free. */
  let slots = new Int32Array(mask + 1);
  /** By code: the hash, and the place and length in `texts`. Of texts in the table. */
  let entries = new Int32Array(3 * 128);
  let texts = new Uint8Array(1 << 12);
  let textsEnd = 0;

  function isAt(code: number, bytes: Uint8Array, from: number, to: number): boolean {
    const place = entries[3 * code + 1];
    if (entries[3 * code + 2] !== to - from) return false;
    for (let i = from, k = place; i < to; i++, k++) {
      if (bytes[i] !== texts[k]) return false;
    }
    return true;
  }

  /** @returns Whether there was a free slot near its own. */
  function insert(code: number, hash: number): boolean {
    for (let probes = 0, slot = hash & mask; probes < probesMax; probes++, slot = (slot + 1) & mask) {
      if (slots[slot] !== 0) continue;
      slots[slot] = code;
      return true;
    }
    return false;
  }

  function grow(): void {
    const before = slots;
    mask = 2 * mask + 1;
    slots = new Int32Array(mask + 1);
    for (const code of before) {
      if (code === 0 || insert(code, entries[3 * code])) continue;
      const place = entries[3 * code + 1];
      others.set(keyOf(texts, place, place + entries[3 * code + 2]), code);
    }
  }

  function add(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const code = levels.push(textOf(bytes, from, to)) - 1;
    if (to - from <= lengthMax) {
      if (3 * code + 2 >= entries.length) entries = enlarged(entries, 2 * (3 * code + 3));
      if (textsEnd + to - from > texts.length) texts = enlarged(texts, 2 * texts.length);
      entries.set([hash, textsEnd, to - from], 3 * code);
      texts.set(bytes.subarray(from, to), textsEnd);
      textsEnd += to - from;
      if (2 * ++count > mask) grow();
      if (insert(code, hash)) return code;
    }
    others.set(keyOf(bytes, from, to), code);
    return code;
  }

  return {
    levels,
    codeOf(bytes, from, to) {
      const length = to - from;
      if (length > lengthMax) return others.get(keyOf(bytes, from, to)) ?? add(bytes, from, to, 0);
      const hash = hashOfBytes(bytes, from, to);
      for (let probes = 0, slot = hash & mask; probes < probesMax; probes++, slot = (slot + 1) & mask) {
        const code = slots[slot];
        if (code === 0) return add(bytes, from, to, hash);
        if (entries[3 * code] === hash && isAt(code, bytes, from, to)) return code;
      }
      return others.get(keyOf(bytes, from, to)) ?? add(bytes, from, to, hash);
    },
  };
}

/** Returns a text that is another one for other bytes: the fastest to make. */
function keyOf(bytes: Uint8Array, from: number, to: number): string {
  return bufferOver(bytes).toString("latin1", from, to);
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return bufferOver(bytes).toString("utf8", from, to);
}

function bufferOver({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function enlarged<A extends Int32Array | Uint8Array>(array: A, length: number): A {
  const larger = (array instanceof Int32Array ? new Int32Array(length) : new Uint8Array(length)) as A;
  larger.set(array);
  return larger;
}

/** FNV-1a of the bytes, with its upper bits folded into those that select a slot. */
function hashOfBytes(bytes: Uint8Array, from: number, to: number): number {
  let hash = to - from;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash ^ (hash >>> 15);
}
