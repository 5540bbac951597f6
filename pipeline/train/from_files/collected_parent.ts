import { type ChunkStore, loadEach } from "../../chunks/chunk_store.ts";
import type { MemoryBudget } from "../../chunks/memory_budget.ts";
import {
  appendRows,
  createHashTable,
  createKeyFinder,
  type HashTable,
  hashTableBytes,
  type HashTableShape,
  type KeyFinder,
} from "../../examples/hash_join/hash_table.ts";
import {
  createKeyReader,
  createKeyWriter,
  type KeyEncoding,
  type KeyWriter,
  textKeys,
  uuidKeys,
  uuidLength,
} from "../../examples/hash_join/key_encoding.ts";
import { filledRows, type KeyedRows, type RowShape } from "../../examples/hash_join/keyed_rows.ts";
import { partitionCountOf } from "../../examples/hash_join/placement.ts";
import { createLaterRows, type LaterRows } from "./later_rows.ts";
import type { TextBuffer } from "../../files/columns/column_buffer.ts";
import { sharedUint32 } from "../../runtime/shared_memory.ts";
import { requestCollection } from "../../runtime/shared_memory_gc.ts";

/** The rows of a parent that were read from files: in memory, or in partitions in files. */
export type CollectedParent = ReturnType<typeof createCollectedParent>;

const firstCapacity = 2 ** 14;
/** Encodings of texts become longer in steps. */
const textStepBytes = 8;
/** A parent whose size is not known may become this many times as large as the memory. */
const growthExpected = 16;

/** @param shape Columns of the rows. */
export function createCollectedParent(
  shape: Omit<RowShape, "encoding">,
  { budget, chunkStore }: { readonly budget: MemoryBudget; readonly chunkStore: ChunkStore },
) {
  let encoding: KeyEncoding = uuidKeys;
  let writer: KeyWriter = createKeyWriter(encoding);
  let { table, find } = createTable({ ...shape, encoding, rowCount: 0 });
  let rowCount = 0;
  let expected = 0;
  let later: LaterRows | undefined;
  const rows = (): KeyedRows => filledRows({ ...table, rowCount }, { ...shape, encoding: table.encoding });
  const resize = (capacity: number, from: KeyEncoding) => {
    const other = createTable({ ...shape, encoding, rowCount: capacity });
    for (const block of encoded([rows()], from, encoding)) appendRows(other.table, block);
    ({ table, find } = other);
    requestCollection();
  };
  const release = () => {
    rowCount = 0;
    resize(0, encoding);
  };
  const startPartitions = (partitionCount: number, old: Iterable<KeyedRows>, from: KeyEncoding) => {
    later = createLaterRows({ ...shape, encoding, partitionCount }, { budget, chunkStore });
    for (const block of encoded(old, from, encoding)) later.rows.add(block);
  };
  /** Changes the encoding to one of texts of up to as many bytes. */
  const widen = (byteCount: number) => {
    const [from, old] = [encoding, later];
    encoding = textKeys(Math.ceil(byteCount / textStepBytes) * textStepBytes);
    writer = createKeyWriter(encoding);
    if (!old) return resize(table.capacity, from);
    startPartitions(old.partitioning.partitionCount, loadEach(old.rows.take().flat()), from);
  };
  /** Returns the words of the key of a buffer's row, valid until the next call; undefined if no row can have it. */
  const wordsOf = ({ bytes, spans }: TextBuffer, row: number): Uint32Array | undefined =>
    writer.writeBytes(bytes, spans[2 * row], spans[2 * row + 1]) ? writer.words : undefined;
  return {
    /** Bytes in memory with more rows. */
    bytesWith: (more: number) =>
      hashTableBytes({ ...shape, encoding, rowCount: Math.max(table.capacity, rowCount + more) }),
    /** Whether the rows are in partitions. */
    get later(): LaterRows | undefined {
      return later;
    },
    get rows(): Pick<HashTable, "numbers" | "codes"> {
      return table;
    },
    /** Prepares for as many more rows. */
    expect(more: number): void {
      expected = rowCount + more;
    },
    /** Adds rows. @param columns Their columns, shape (rows) or longer. */
    add(keys: TextBuffer, columns: Pick<KeyedRows, "numbers" | "codes">): void {
      let words = encodeKeys(keys, writer);
      while (!words) {
        widen(Math.max(keys.longest, uuidLength));
        words = encodeKeys(keys, writer);
      }
      const added = filledRows({ ...columns, keys: words, rowCount: keys.length }, { ...shape, encoding });
      if (later) return later.rows.add(added);
      if (rowCount + keys.length > table.capacity) {
        resize(Math.max(firstCapacity, expected, 2 * table.capacity, rowCount + keys.length), encoding);
      }
      appendRows(table, added);
      rowCount += keys.length;
    },
    /** Moves the rows from memory to partitions. @param bytesMax Memory for one of these. */
    spill(bytesMax: number): void {
      const known = hashTableBytes({ ...shape, encoding, rowCount: Math.max(expected, rowCount) });
      const bytes = expected > rowCount ? known : growthExpected * known;
      startPartitions(partitionCountOf(bytes, bytesMax), [rows()], encoding);
      release();
    },
    /** Finds the row in memory with a key. @returns −1 if there is none. */
    find: (words: Uint32Array): number => find(words, 0),
    wordsOf,
    /** Frees the memory of the rows. */
    release,
  };
}

function createTable(shape: HashTableShape): { table: HashTable; find: KeyFinder } {
  const table = createHashTable(shape);
  return { table, find: createKeyFinder(table, { isIndexed: false }) };
}

/** Returns the words of a buffer's keys; undefined if the encoding cannot represent one. */
function encodeKeys(
  { length, bytes, spans }: TextBuffer,
  { words, writeBytes }: KeyWriter,
): Uint32Array<SharedArrayBuffer> | undefined {
  const width = words.length;
  const keys = sharedUint32(length * width);
  for (let i = 0; i < length; i++) {
    if (!writeBytes(bytes, spans[2 * i], spans[2 * i + 1])) return undefined;
    for (let k = 0; k < width; k++) keys[i * width + k] = words[k];
  }
  return keys;
}

/** Converts the keys of rows to another encoding, which can represent them. */
function* encoded(blocks: Iterable<KeyedRows>, from: KeyEncoding, to: KeyEncoding): Generator<KeyedRows> {
  if (from === to) return yield* blocks;
  const read = createKeyReader(from);
  const { words, writeBytes } = createKeyWriter(to);
  for (const rows of blocks) {
    const keys = sharedUint32(rows.rowCount * to.width);
    for (let row = 0; row < rows.rowCount; row++) {
      const bytes = read(rows.keys, row * from.width);
      writeBytes(bytes, 0, bytes.length);
      keys.set(words, row * to.width);
    }
    yield { ...rows, keys };
  }
}
