import type { ChunkStore } from "../../chunks/chunk_store.ts";
import { createRowBuffer } from "./keyed_rows.ts";
import { createPartitionWriter, type Partitioning, type Partitions } from "./partitions.ts";

/** The number of a row that is not in the stream: its reference is only counted. */
export const notInStream = 0xffff_ffff;

/** References of a child: keys of the parent, with the number of the child's row in its stream. */
function referenceShape({ encoding, partitionCount }: Partitioning): Partitioning {
  return { encoding, partitionCount, numericCount: 0, codeCount: 1 };
}

/** Rows that wait to be divided. */
const bufferRowsMax = 512;

/** Collects the keys that rows of a child refer to, in partitions. */
export function createReferences(partitioning: Partitioning, chunkStore: ChunkStore) {
  const shape = referenceShape(partitioning);
  const { width } = shape.encoding;
  const partitions = createPartitionWriter(shape, chunkStore);
  const buffer = createRowBuffer(shape, bufferRowsMax);
  const flush = () => {
    partitions.add(buffer);
    buffer.rowCount = 0;
  };
  return {
    /** @param place The number of the child's row. */
    append(words: Uint32Array, place: number): void {
      if (buffer.rowCount === bufferRowsMax) flush();
      const at = buffer.rowCount++;
      for (let i = 0; i < width; i++) buffer.keys[at * width + i] = words[i];
      buffer.codes[0][at] = place;
    },
    flush,
    take(): Partitions {
      flush();
      return partitions.take();
    },
  };
}
