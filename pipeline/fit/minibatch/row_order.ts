import { plainFields } from "../../chunks/chunk_file.ts";
import type { DesignMatrix } from "../../encode/design_matrix.ts";
import type { Random } from "../../math/random.ts";

/** Rows of a design: for each row its chunk and its index in the chunk. */
export interface BatchRows {
  readonly chunks: Uint32Array;
  readonly rows: Uint32Array;
}

/** Goes through the rows of one part once. */
export interface RowReader {
  /** Writes the next rows to the front of `batch`. @returns How many: fewer than wanted at the end alone. */
  read(batch: BatchRows, rowsWanted: number): number;
}

/** Chunks whose rows are mixed with each other: enough for any batch, few enough to stay near each other in memory. */
export const windowChunks = 32;

/**
 * The rows of one part in an order that the random numbers give: chunks are shuffled, then the rows of every few of them
 * together. Without random numbers, in the data's order.
 */
export function createRowReader({ chunks }: DesignMatrix, part: number, random?: Random): RowReader {
  const order = Uint32Array.from(chunks, (_, i) => i);
  if (random) { for (let i = order.length - 1; i > 0; i--) swap(order, i, random.below(i + 1)); }
  let nextChunk = 0;
  let window: BatchRows = { chunks: new Uint32Array(0), rows: new Uint32Array(0) };
  let nextRow = 0;

  function openWindow(): void {
    const wanted = order.subarray(nextChunk, nextChunk + windowChunks);
    nextChunk += wanted.length;
    nextRow = 0;
    window = rowsOfChunks(chunks, wanted, part);
    if (!random) return;
    for (let i = window.rows.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      swap(window.chunks, i, j);
      swap(window.rows, i, j);
    }
  }
  return {
    read(batch, rowsWanted) {
      let count = 0;
      while (count < rowsWanted) {
        if (nextRow === window.rows.length) {
          if (nextChunk === order.length) break;
          openWindow();
          continue;
        }
        const taken = Math.min(rowsWanted - count, window.rows.length - nextRow);
        batch.chunks.set(window.chunks.subarray(nextRow, nextRow + taken), count);
        batch.rows.set(window.rows.subarray(nextRow, nextRow + taken), count);
        nextRow += taken;
        count += taken;
      }
      return count;
    },
  };
}

function rowsOfChunks(chunks: DesignMatrix["chunks"], wanted: Uint32Array, part: number): BatchRows {
  const ends = Array.from(wanted, (c) => {
    const { partEnds } = plainFields(chunks[c]);
    return { chunk: c, from: part === 0 ? 0 : partEnds[part - 1], to: partEnds[part] };
  });
  const rowCount = ends.reduce((sum, { from, to }) => sum + to - from, 0);
  const window = { chunks: new Uint32Array(rowCount), rows: new Uint32Array(rowCount) };
  let at = 0;
  for (const { chunk, from, to } of ends) {
    for (let row = from; row < to; row++, at++) {
      window.chunks[at] = chunk;
      window.rows[at] = row;
    }
  }
  return window;
}

function swap(values: Uint32Array, i: number, j: number): void {
  const kept = values[i];
  values[i] = values[j];
  values[j] = kept;
}
