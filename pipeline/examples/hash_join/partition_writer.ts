import type { SpilledChunk } from "../../chunks/chunk_file.ts";
import { createChunkStore } from "../../chunks/chunk_store.ts";
import type { MemoryBudget } from "../../chunks/memory_budget.ts";
import { sharedFloat64, sharedUint32 } from "../../runtime/shared_memory.ts";
import type { Row } from "../row_values.ts";
import type { HashTableShape } from "./hash_table.ts";
import { createKeyWriter, hashOfWords } from "./key_encoding.ts";
import type { Coding } from "./written_codes.ts";

/** A parent whose rows are divided into partitions by a hash of their keys, since they do not fit into memory together. */
export interface Partitioning extends HashTableShape {
  /** A power of two. */
  readonly partitionCount: number;
}

/** Some rows of one partition. */
export interface ParentRows {
  readonly rowCount: number;
  /** Shape (rows, words of a key). */
  readonly keys: Uint32Array<SharedArrayBuffer>;
  /** Per numeric field, shape (rows). NaN is missing. */
  readonly numbers: readonly Float64Array<SharedArrayBuffer>[];
  /** Per categorical field, shape (rows): written codes. */
  readonly codes: readonly Uint32Array<SharedArrayBuffer>[];
}

/** Memory of one thread for the rows that wait to be written, of all partitions. */
const bufferBytes = 8 * 2 ** 20;
const bufferRowsMin = 64;

/** Returns the partition of a key. Its bits are others than those that select a slot of a hash table. */
export function partitionOf(hash: number, partitionCount: number): number {
  return (Math.imul(hash, 0x9e3779b1) >>> 20) & (partitionCount - 1);
}

/** The most partitions that `partitionOf` tells apart. */
export const partitionsMax = 4_096;

/** Writes rows into the files of their partitions, on one thread. */
export function createPartitionWriter(
  partitioning: Partitioning,
  keyAt: number,
  { codeOf }: Coding,
  budget: MemoryBudget | undefined,
) {
  const { encoding, numericCount, categoricalCount, partitionCount } = partitioning;
  const { width } = encoding;
  const rowBytes = 4 * width + 8 * numericCount + 4 * categoricalCount;
  const rowsMax = Math.max(bufferRowsMin, Math.floor(bufferBytes / (rowBytes * partitionCount)));
  const chunkStore = createChunkStore(budget);
  const keyWriter = createKeyWriter(encoding);
  const buffers = Array.from({ length: partitionCount }, () => bufferOf(rowsMax, partitioning));
  const written: SpilledChunk<ParentRows>[][] = buffers.map(() => []);
  const flush = (partition: number) => {
    const buffer = buffers[partition];
    if (buffer.rowCount > 0) written[partition].push(chunkStore.spill(filledPart(buffer, width)));
    buffer.rowCount = 0;
  };
  /** @returns Whether the row can be joined by its key. */
  const add = (row: Row): boolean => {
    const key = row[keyAt];
    if (typeof key !== "string" || !keyWriter.write(key)) return false;
    const partition = partitionOf(hashOfWords(keyWriter.words, 0, width), partitionCount);
    const buffer = buffers[partition];
    const { rowCount, keys, numbers, codes } = buffer;
    keys.set(keyWriter.words, rowCount * width);
    let at = keyAt + 1;
    for (const column of numbers) {
      const value = row[at++];
      if (value === null) column[rowCount] = NaN;
      else if (typeof value === "number" && Number.isFinite(value)) column[rowCount] = value;
      else return false;
    }
    for (const [field, column] of codes.entries()) {
      const code = codeOf(field, row[at++]);
      if (code === undefined) return false;
      column[rowCount] = code;
    }
    if (++buffer.rowCount === rowsMax) flush(partition);
    return true;
  };
  return {
    /** @returns Whether the rows can be joined by their keys. */
    write: (batch: readonly Row[]): boolean => batch.every(add),
    /** Writes the rest. @returns Per partition: its rows. */
    finish(): readonly SpilledChunk<ParentRows>[][] {
      for (let partition = 0; partition < partitionCount; partition++) flush(partition);
      return written;
    },
  };
}

interface Buffer extends ParentRows {
  rowCount: number;
}

function bufferOf(rows: number, { encoding, numericCount, categoricalCount }: HashTableShape): Buffer {
  return {
    rowCount: 0,
    keys: sharedUint32(rows * encoding.width),
    numbers: Array.from({ length: numericCount }, () => sharedFloat64(rows)),
    codes: Array.from({ length: categoricalCount }, () => sharedUint32(rows)),
  };
}

function filledPart({ rowCount, keys, numbers, codes }: Buffer, width: number): ParentRows {
  return {
    rowCount,
    keys: keys.subarray(0, rowCount * width),
    numbers: numbers.map((column) => column.subarray(0, rowCount)),
    codes: codes.map((column) => column.subarray(0, rowCount)),
  };
}
