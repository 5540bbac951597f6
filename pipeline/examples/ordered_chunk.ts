import type { RawChunk } from "./raw_examples.ts";
import type { Partition } from "./split.ts";

/** A raw chunk whose rows are ordered by their part. */
export interface OrderedChunk extends RawChunk {
  /** End of each part's rows, shape (parts). */
  readonly partEnds: readonly number[];
}

/** Starts a pass over all chunks. Each chunk is valid until the next one is taken. */
export type Walk = () => Iterable<OrderedChunk>;

/** Sorts a chunk's rows by part, in place. The sort is stable. */
export function orderByPart(chunk: RawChunk, { partCount, partOf }: Partition): OrderedChunk {
  const { groups, labels, times, rowCount } = chunk;
  const parts = new Uint8Array(rowCount);
  const next = new Uint32Array(partCount);
  for (let i = 0; i < rowCount; i++) {
    next[parts[i] = partOf(groups[i], labels[i], i, times ? times[i] : NaN)]++;
  }
  const partEnds: number[] = [];
  for (let part = 0, end = 0; part < partCount; part++) {
    end += next[part];
    next[part] = end - next[part];
    partEnds.push(end);
  }
  if (partEnds[0] < rowCount) {
    const target = new Uint32Array(rowCount);
    for (let i = 0; i < rowCount; i++) target[i] = next[parts[i]]++;
    for (
      const column of [
        chunk.numeric,
        ...chunk.codes,
        labels,
        groups,
        ...(chunk.weights ? [chunk.weights] : []),
        ...(chunk.times ? [chunk.times] : []),
      ]
    ) {
      reorder(column, target);
    }
  }
  return { ...chunk, partEnds };
}

/** Moves rows in place. @param target New index of each row. @param column Shape (rows) or (rows, width), row-major. */
export function reorder(
  column: Float64Array | Uint32Array | Uint16Array | Uint8Array,
  target: Uint32Array,
): void {
  const width = column.length / target.length;
  const before = column.slice();
  for (let i = 0, k = 0; i < target.length; i++) {
    for (let j = 0; j < width; j++, k++) column[target[i] * width + j] = before[k];
  }
}

/** Returns the count of numbers per row in the chunk's `numeric`. */
export function strideOf({ numeric, rowCount }: RawChunk): number {
  return numeric.length / rowCount;
}
