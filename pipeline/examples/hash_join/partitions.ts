import type { SpilledChunk } from "../../chunks/chunk_file.ts";
import type { ChunkStore } from "../../chunks/chunk_store.ts";
import { hashOfKey } from "./key_encoding.ts";
import { createRowBuffer, filledRows, type KeyedRows, rowBytesOf, type RowShape } from "./keyed_rows.ts";

/** A table whose rows are divided into partitions by a hash of their keys, since they do not fit into memory together. */
export interface Partitioning extends RowShape {
  /** A power of two. */
  readonly partitionCount: number;
}

/** Per partition: its rows, in files. */
export type Partitions = readonly (readonly SpilledChunk<KeyedRows>[])[];

/** Memory of one thread for the rows that wait to be written, of all partitions. */
const bufferBytes = 8 * 2 ** 20;
const bufferRowsMin = 64;

/** Returns the partition of a key. Its bits are others than those that select a slot of a hash table. */
function partitionOf(hash: number, partitionCount: number): number {
  return (Math.imul(hash, 0x9e3779b1) >>> 20) & (partitionCount - 1);
}

/** The most partitions that `partitionOf` tells apart. */
export const partitionsMax = 4_096;

/** Writes rows into the files of their partitions, on one thread. */
export function createPartitionWriter(partitioning: Partitioning, chunkStore: ChunkStore) {
  const { encoding, partitionCount } = partitioning;
  const { width } = encoding;
  const rowsMax = Math.max(
    bufferRowsMin,
    Math.floor(bufferBytes / (rowBytesOf(partitioning) * partitionCount)),
  );
  const buffers = Array.from({ length: partitionCount }, () => createRowBuffer(partitioning, rowsMax));
  let written: SpilledChunk<KeyedRows>[][] = buffers.map(() => []);
  const flush = (partition: number) => {
    const buffer = buffers[partition];
    if (buffer.rowCount > 0) written[partition].push(chunkStore.spill(filledRows(buffer, partitioning)));
    buffer.rowCount = 0;
  };
  return {
    add({ rowCount, keys, numbers, codes }: KeyedRows): void {
      for (let row = 0, key = 0; row < rowCount; row++, key += width) {
        const partition = partitionOf(hashOfKey(encoding, keys, key), partitionCount);
        const buffer = buffers[partition];
        const at = buffer.rowCount;
        for (let i = 0; i < width; i++) buffer.keys[at * width + i] = keys[key + i];
        for (let i = 0; i < numbers.length; i++) buffer.numbers[i][at] = numbers[i][row];
        for (let i = 0; i < codes.length; i++) buffer.codes[i][at] = codes[i][row];
        if (++buffer.rowCount === rowsMax) flush(partition);
      }
    },
    /** Returns the rows added since the last call. */
    take(): Partitions {
      for (let partition = 0; partition < partitionCount; partition++) flush(partition);
      const taken = written;
      written = buffers.map(() => []);
      return taken;
    },
  };
}

/** The number of a row that is not in the stream: its reference is only counted. */
export const notInStream = 0xffff_ffff;

/** Collects the keys of a parent that rows of a child refer to, each with the number of the row in its stream. */
export function createReferences({ encoding, partitionCount }: Partitioning, chunkStore: ChunkStore) {
  const shape = { encoding, partitionCount, numericCount: 0, codeCount: 1 };
  const { add, take } = createPartitionWriter(shape, chunkStore);
  const row = { ...createRowBuffer(shape, 1), rowCount: 1 };
  return {
    /** @param place The number of the child's row. */
    append(words: Uint32Array, place: number): void {
      for (let i = 0; i < words.length; i++) row.keys[i] = words[i];
      row.codes[0][0] = place;
      add(row);
    },
    take,
  };
}
