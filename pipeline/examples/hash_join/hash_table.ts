import { createKeyWriter, hashOfWords, type KeyEncoding } from "./key_encoding.ts";
import { sharedFloat64, sharedInt32, sharedUint32 } from "../../runtime/shared_memory.ts";

/** Rows of a table in memory that threads share, found by their text keys. Plain data, to be posted to threads. */
export interface HashTable {
  readonly encoding: KeyEncoding;
  /** Shape (rows, words of a key). */
  readonly keys: Uint32Array<SharedArrayBuffer>;
  /**
   * Open addressing by the keys' hashes: 0, or a row + 1 with bits of its key's hash above it, which tell most other keys
   * apart without a look at them. Their number is a power of two.
   */
  readonly slots: Uint32Array<SharedArrayBuffer>;
  /** Per numeric field of the table, shape (rows). NaN is missing. */
  readonly numbers: readonly Float64Array<SharedArrayBuffer>[];
  /** Per categorical field of the table, shape (rows): as whoever wrote the row coded it. */
  readonly codes: readonly Uint32Array<SharedArrayBuffer>[];
  /** Shape (1): rows that are taken. */
  readonly reserved: Int32Array<SharedArrayBuffer>;
}

export interface HashTableShape {
  readonly rowCount: number;
  readonly encoding: KeyEncoding;
  readonly numericCount: number;
  readonly categoricalCount: number;
}

/** Bytes of `createParentRows`. */
export function hashTableBytes(
  { rowCount, encoding: coding, numericCount, categoricalCount }: HashTableShape,
): number {
  return rowCount * (4 * coding.width + 8 * numericCount + 4 * categoricalCount) + 4 * slotCountOf(rowCount);
}

export function createHashTable(
  { rowCount, encoding: coding, numericCount, categoricalCount }: HashTableShape,
): HashTable {
  return {
    encoding: coding,
    keys: sharedUint32(rowCount * coding.width),
    slots: sharedUint32(slotCountOf(rowCount)),
    numbers: Array.from({ length: numericCount }, () => sharedFloat64(rowCount)),
    codes: Array.from({ length: categoricalCount }, () => sharedUint32(rowCount)),
    reserved: sharedInt32(1),
  };
}

/** Rows that there is room for. */
export function capacityOf({ keys, encoding: coding }: HashTable): number {
  return keys.length / coding.width;
}

/** At most three of four slots are taken. */
function slotCountOf(rowCount: number): number {
  let count = 1_024;
  while (3 * count < 4 * rowCount) count *= 2;
  return count;
}

/**
 * Takes rows for a thread that writes them.
 *
 * @returns The first; undefined where there are not so many left.
 */
export function reserveRows(rows: HashTable, count: number): number | undefined {
  const first = Atomics.add(rows.reserved, 0, count);
  return first + count <= capacityOf(rows) ? first : undefined;
}

/** Adds keys for one thread, while other threads add theirs. */
export interface KeyInserter {
  /** @returns Whether the key could be added: it has words in the rows' coding, and no other row has it. */
  add(key: string, row: number): boolean;
}

export function createKeyInserter({ encoding: coding, keys, slots }: HashTable): KeyInserter {
  const writer = createKeyWriter(coding);
  const mask = slots.length - 1;
  const { width } = coding;
  const rowBits = rowBitsOf(keys.length / width);
  return {
    add(key, row) {
      if (!writer.write(key)) return false;
      const { words } = writer;
      for (let i = 0; i < width; i++) keys[row * width + i] = words[i];
      const hash = hashOfWords(words, 0, width);
      const tag = tagOf(hash, rowBits);
      for (let slot = hash & mask;; slot = (slot + 1) & mask) {
        const taken = Atomics.compareExchange(slots, slot, 0, tag + row + 1);
        if (taken === 0) return true;
        const other = taken - tag;
        if (isRow(other, rowBits) && areEqual(keys, (other - 1) * width, words)) return false;
      }
    },
  };
}

/** How many bits a row + 1 takes. */
function rowBitsOf(rowCount: number): number {
  return 32 - Math.clz32(rowCount);
}

/** The upper bits of a hash, as far as rows leave room for them. Slots are chosen by the lower ones. */
function tagOf(hash: number, rowBits: number): number {
  return rowBits > 31 ? 0 : ((hash >>> rowBits) << rowBits) >>> 0;
}

/** Whether what is left of a slot without a tag is a row + 1: else it had another tag. */
function isRow(rest: number, rowBits: number): boolean {
  return rest > 0 && rest < 2 ** rowBits;
}

/** Finds rows by their keys, for one thread, when all of them are there. */
export interface KeyFinder {
  /** @returns The row; −1 where there is none. */
  find(key: unknown): number;
}

export function createKeyFinder({ encoding: coding, keys, slots }: HashTable): KeyFinder {
  const writer = createKeyWriter(coding);
  const mask = slots.length - 1;
  const { width } = coding;
  const rowBits = rowBitsOf(keys.length / width);
  return {
    find(key) {
      // What has no words in this coding is not among keys that have.
      if (typeof key !== "string" || !writer.write(key)) return -1;
      const { words } = writer;
      const hash = hashOfWords(words, 0, width);
      const tag = tagOf(hash, rowBits);
      for (let slot = hash & mask;; slot = (slot + 1) & mask) {
        const taken = slots[slot];
        if (taken === 0) return -1;
        const row = taken - tag;
        if (isRow(row, rowBits) && areEqual(keys, (row - 1) * width, words)) return row - 1;
      }
    },
  };
}

/** @param words Of one key, which the words of another are compared with. */
function areEqual(keys: Uint32Array, at: number, words: Uint32Array): boolean {
  for (let i = 0; i < words.length; i++) if (keys[at + i] !== words[i]) return false;
  return true;
}
