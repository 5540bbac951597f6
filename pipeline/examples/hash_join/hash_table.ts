import { sharedInt32, sharedUint32 } from "../../runtime/shared_memory.ts";
import { hashOfKey, type KeyEncoding } from "./key_encoding.ts";
import { createRowBuffer, type KeyedRows, rowBytesOf, type RowShape } from "./keyed_rows.ts";

/** A table in shared memory with a hash index of its keys. Plain data, to be posted to threads. */
export interface HashTable extends Omit<KeyedRows, "rowCount"> {
  readonly encoding: KeyEncoding;
  /**
   * Open addressing by the keys' hashes, in a number of slots that is a power of two. A slot is 0, or a row + 1 with a tag of
   * bits of its key's hash above it, which rules out most other keys without a comparison.
   */
  readonly slots: Uint32Array<SharedArrayBuffer>;
  /** Shape (2): rows reserved so far, and the rows whose keys are in the index by {@link createKeyFinder}. */
  readonly reserved: Int32Array<SharedArrayBuffer>;
  /** In rows. */
  readonly capacity: number;
}

export interface HashTableShape extends RowShape {
  readonly rowCount: number;
}

/** Bytes that `createHashTable` allocates. */
export function hashTableBytes(shape: HashTableShape): number {
  return shape.rowCount * rowBytesOf(shape) + 4 * slotCountOf(shape.rowCount);
}

export function createHashTable(shape: HashTableShape): HashTable {
  const { rowCount: capacity, encoding } = shape;
  const { keys, numbers, codes } = createRowBuffer(shape, capacity);
  const slots = sharedUint32(slotCountOf(capacity));
  return { encoding, keys, numbers, codes, slots, reserved: sharedInt32(2), capacity };
}

/** Load factor: at most 3/4. */
function slotCountOf(rowCount: number): number {
  let count = 1_024;
  while (3 * count < 4 * rowCount) count *= 2;
  return count;
}

/** Empties a table, whose memory is used again. No thread may use it meanwhile. */
export function clearTable({ slots, reserved }: HashTable): void {
  slots.fill(0);
  reserved.fill(0);
}

/**
 * Appends rows, concurrently with other threads. Their keys are not in the index yet.
 *
 * @returns The first; undefined if there is no room for all.
 */
export function appendRows(
  table: HashTable,
  { rowCount, keys, numbers, codes }: KeyedRows,
): number | undefined {
  const from = Atomics.add(table.reserved, 0, rowCount);
  if (from + rowCount > table.capacity) return undefined;
  table.keys.set(keys, from * table.encoding.width);
  numbers.forEach((column, i) => table.numbers[i].set(column, from));
  codes.forEach((column, i) => table.codes[i].set(column, from));
  return from;
}

/** Returns a function that puts the key of an appended row into the index, concurrently with other threads. */
export function createKeyIndexer({ encoding, keys, slots, capacity }: HashTable): (row: number) => boolean {
  const mask = slots.length - 1;
  const { width } = encoding;
  const rowBits = rowBitsOf(capacity);
  /** @returns false if another row has the key. */
  return (row) => {
    const at = row * width;
    const hash = hashOfKey(encoding, keys, at);
    const tag = tagOf(hash, rowBits);
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const taken = Atomics.compareExchange(slots, slot, 0, tag + row + 1);
      if (taken === 0) return true;
      const other = taken - tag;
      if (isRow(other, rowBits) && areEqual(keys, (other - 1) * width, keys, at, width)) return false;
    }
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

/** Finds rows by the words of their keys on one thread. */
export type KeyFinder = ReturnType<typeof createKeyFinder>;

/**
 * @param options.isIndexed Whether all keys are in the index. If not, no other thread may use the table: keys are put into it
 *   when one is looked up that is not near the last one, and of rows with the same key the first is found.
 */
export function createKeyFinder(table: HashTable, { isIndexed = true } = {}) {
  const { encoding, keys, slots, reserved, capacity } = table;
  const mask = slots.length - 1;
  const { width } = encoding;
  const rowBits = rowBitsOf(capacity);
  const rowCount = () => Math.min(reserved[0], capacity);
  let cursor = 0;
  const indexAll = () => {
    const index = createKeyIndexer(table);
    for (let row = reserved[1]; row < rowCount(); row++) index(row);
    reserved[1] = rowCount();
  };
  /** Finds the key at `words[at]`. @returns The row; −1 if there is none. */
  return (words: Uint32Array, at: number): number => {
    if (!isIndexed) {
      // Rows of a child are usually in the order of their parents.
      const count = rowCount();
      if (cursor < count && areEqual(keys, cursor * width, words, at, width)) return cursor;
      if (cursor + 1 < count && areEqual(keys, (cursor + 1) * width, words, at, width)) return ++cursor;
      if (reserved[1] < count) indexAll();
    }
    const hash = hashOfKey(encoding, words, at);
    const tag = tagOf(hash, rowBits);
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const taken = slots[slot];
      if (taken === 0) return -1;
      const row = taken - tag;
      if (isRow(row, rowBits) && areEqual(keys, (row - 1) * width, words, at, width)) return cursor = row - 1;
    }
  };
}

/** Compares the key at `keys[from]` with that at `words[at]`. */
function areEqual(keys: Uint32Array, from: number, words: Uint32Array, at: number, width: number): boolean {
  for (let i = 0; i < width; i++) if (keys[from + i] !== words[at + i]) return false;
  return true;
}
