import { createKeyWriter, hashOfWords, type KeyEncoding } from "./key_encoding.ts";
import { sharedFloat64, sharedInt32, sharedUint32 } from "../../runtime/shared_memory.ts";

/** A table in shared memory with a hash index of its text keys. Plain data, to be posted to threads. */
export interface HashTable {
  readonly encoding: KeyEncoding;
  /** Shape (rows, words of a key). */
  readonly keys: Uint32Array<SharedArrayBuffer>;
  /**
   * Open addressing by the keys' hashes, in a number of slots that is a power of two. A slot is 0, or a row + 1 with a tag of
   * bits of its key's hash above it, which rules out most other keys without a comparison.
   */
  readonly slots: Uint32Array<SharedArrayBuffer>;
  /** Per numeric field of the table, shape (rows). NaN is missing. */
  readonly numbers: readonly Float64Array<SharedArrayBuffer>[];
  /** Per categorical field of the table, shape (rows): codes of the thread that wrote the row. */
  readonly codes: readonly Uint32Array<SharedArrayBuffer>[];
  /** Shape (1): rows reserved so far. */
  readonly reserved: Int32Array<SharedArrayBuffer>;
}

export interface HashTableShape {
  readonly rowCount: number;
  readonly encoding: KeyEncoding;
  readonly numericCount: number;
  readonly categoricalCount: number;
}

/** Bytes that `createHashTable` allocates. */
export function hashTableBytes(
  { rowCount, encoding, numericCount, categoricalCount }: HashTableShape,
): number {
  return rowCount * (4 * encoding.width + 8 * numericCount + 4 * categoricalCount) +
    4 * slotCountOf(rowCount);
}

export function createHashTable(
  { rowCount, encoding, numericCount, categoricalCount }: HashTableShape,
): HashTable {
  return {
    encoding,
    keys: sharedUint32(rowCount * encoding.width),
    slots: sharedUint32(slotCountOf(rowCount)),
    numbers: Array.from({ length: numericCount }, () => sharedFloat64(rowCount)),
    codes: Array.from({ length: categoricalCount }, () => sharedUint32(rowCount)),
    reserved: sharedInt32(1),
  };
}

/** Returns the capacity of a table in rows. */
export function capacityOf({ keys, encoding }: HashTable): number {
  return keys.length / encoding.width;
}

/** Load factor: at most 3/4. */
function slotCountOf(rowCount: number): number {
  let count = 1_024;
  while (3 * count < 4 * rowCount) count *= 2;
  return count;
}

/** Reserves rows for the calling thread. @returns The first; undefined if fewer than `count` are left. */
export function reserveRows(rows: HashTable, count: number): number | undefined {
  const first = Atomics.add(rows.reserved, 0, count);
  return first + count <= capacityOf(rows) ? first : undefined;
}

/** Empties a table, whose memory is used again. No thread may use it meanwhile. */
export function clearTable({ slots, reserved }: HashTable): void {
  slots.fill(0);
  Atomics.store(reserved, 0, 0);
}

/** Inserts keys on one thread, concurrently with other threads. */
export function createKeyInserter({ encoding, keys, slots }: HashTable) {
  const writer = createKeyWriter(encoding);
  const mask = slots.length - 1;
  const { width } = encoding;
  const rowBits = rowBitsOf(keys.length / width);
  /** @returns false if another row has the key, which is `words[at]` and on. */
  const addWords = (words: Uint32Array, at: number, row: number): boolean => {
    for (let i = 0; i < width; i++) keys[row * width + i] = words[at + i];
    const hash = hashOfWords(words, at, width);
    const tag = tagOf(hash, rowBits);
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const taken = Atomics.compareExchange(slots, slot, 0, tag + row + 1);
      if (taken === 0) return true;
      const other = taken - tag;
      if (isRow(other, rowBits) && areEqual(keys, (other - 1) * width, words, at, width)) return false;
    }
  };
  return {
    /** @returns false if the encoding cannot represent the key, or another row has it. */
    add: (key: string, row: number): boolean => writer.write(key) && addWords(writer.words, 0, row),
    addWords,
  };
}

/** Bits of a row + 1. */
function rowBitsOf(rowCount: number): number {
  return 32 - Math.clz32(rowCount);
}

/** Returns the bits of a hash above those of a row. The lower bits select the slot. */
function tagOf(hash: number, rowBits: number): number {
  return rowBits > 31 ? 0 : ((hash >>> rowBits) << rowBits) >>> 0;
}

/** Returns whether a slot minus the tag is a row + 1. If not, the slot has another tag. */
function isRow(rest: number, rowBits: number): boolean {
  return rest > 0 && rest < 2 ** rowBits;
}

/** Finds rows by their keys on one thread, after all keys have been inserted. */
export function createKeyFinder({ encoding, keys, slots }: HashTable) {
  const writer = createKeyWriter(encoding);
  const mask = slots.length - 1;
  const { width } = encoding;
  const rowBits = rowBitsOf(keys.length / width);
  /** Finds the key at `words[at]`, whose hash is given. @returns The row; −1 if there is none. */
  const findWords = (words: Uint32Array, at: number, hash: number): number => {
    const tag = tagOf(hash, rowBits);
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const taken = slots[slot];
      if (taken === 0) return -1;
      const row = taken - tag;
      if (isRow(row, rowBits) && areEqual(keys, (row - 1) * width, words, at, width)) return row - 1;
    }
  };
  return {
    /** @returns The row; −1 if there is none. */
    find(key: unknown): number {
      // A key that the encoding cannot represent is not in the table.
      if (typeof key !== "string" || !writer.write(key)) return -1;
      return findWords(writer.words, 0, hashOfWords(writer.words, 0, width));
    },
    findWords,
  };
}

/** Compares the key at `keys[from]` with that at `words[at]`. */
function areEqual(keys: Uint32Array, from: number, words: Uint32Array, at: number, width: number): boolean {
  for (let i = 0; i < width; i++) if (keys[from + i] !== words[at + i]) return false;
  return true;
}
