import { plainFields } from "../../chunks/chunk_file.ts";
import type { DesignMatrix } from "../../encode/design_matrix.ts";
import type { Random } from "../../math/random.ts";

/** Rows of a design: for each row its chunk and its index in the chunk. */
export interface BatchRows {
  readonly chunks: Uint32Array;
  readonly rows: Uint32Array;
}

/** Reads the rows of some parts once. */
export interface RowReader {
  /** Writes the next rows to the start of `batch`. @returns Their number: less than `rowsWanted` only at the end. */
  read(batch: BatchRows, rowsWanted: number): number;
}

/** Chunks whose rows are shuffled together: enough for any batch, few enough to stay close in memory. */
export const shuffleChunks = 32;

/**
 * Creates a reader of the rows of some parts in random order: the chunks are shuffled, then the rows of each buffer of
 * `shuffleChunks` chunks. Without `random`, in the order of the data.
 */
export function createRowReader(
  { chunks }: DesignMatrix,
  parts: readonly number[],
  random?: Random,
): RowReader {
  const order = Uint32Array.from(chunks, (_, i) => i);
  if (random) { for (let i = order.length - 1; i > 0; i--) swap(order, i, random.below(i + 1)); }
  let nextChunk = 0;
  let buffer: BatchRows = { chunks: new Uint32Array(0), rows: new Uint32Array(0) };
  let nextRow = 0;

  function fillBuffer(): void {
    const bufferChunks = order.subarray(nextChunk, nextChunk + shuffleChunks);
    nextChunk += bufferChunks.length;
    nextRow = 0;
    buffer = rowsOfChunks(chunks, bufferChunks, parts);
    if (!random) return;
    for (let i = buffer.rows.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      swap(buffer.chunks, i, j);
      swap(buffer.rows, i, j);
    }
  }
  return {
    read(batch, rowsWanted) {
      let count = 0;
      while (count < rowsWanted) {
        if (nextRow === buffer.rows.length) {
          if (nextChunk === order.length) break;
          fillBuffer();
          continue;
        }
        const readCount = Math.min(rowsWanted - count, buffer.rows.length - nextRow);
        batch.chunks.set(buffer.chunks.subarray(nextRow, nextRow + readCount), count);
        batch.rows.set(buffer.rows.subarray(nextRow, nextRow + readCount), count);
        nextRow += readCount;
        count += readCount;
      }
      return count;
    },
  };
}

function rowsOfChunks(
  chunks: DesignMatrix["chunks"],
  selected: Uint32Array,
  parts: readonly number[],
): BatchRows {
  const ends = [...selected].flatMap((c) => {
    const { partEnds } = plainFields(chunks[c]);
    return parts.map((part) => ({ chunk: c, from: part === 0 ? 0 : partEnds[part - 1], to: partEnds[part] }));
  });
  const rowCount = ends.reduce((sum, { from, to }) => sum + to - from, 0);
  const buffer = { chunks: new Uint32Array(rowCount), rows: new Uint32Array(rowCount) };
  let at = 0;
  for (const { chunk, from, to } of ends) {
    for (let row = from; row < to; row++, at++) {
      buffer.chunks[at] = chunk;
      buffer.rows[at] = row;
    }
  }
  return buffer;
}

function swap(values: Uint32Array, i: number, j: number): void {
  const value = values[i];
  values[i] = values[j];
  values[j] = value;
}
