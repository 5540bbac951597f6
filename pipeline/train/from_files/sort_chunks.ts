import { plainFields, type StoredChunk } from "../../chunks/chunk_file.ts";
import { type ChunkStore, loadEach } from "../../chunks/chunk_store.ts";
import { sumOf } from "../../examples/hash_join/placement.ts";
import { createRowPacker, type RowPacker } from "../../examples/hash_join/row_packer.ts";
import { type CollectedChunk, orderOf } from "./collected_chunk.ts";

/** Rows that are sorted at a time, about. */
const bucketRows = 2 ** 16;
/** Every 32nd id is looked at. */
const sampleStep = 32;
/** Rows that wait to be written, of all buckets. */
const pieceRowsOfAll = 2 ** 19;
const pieceRowsMin = 256;

/**
 * Sorts rows by their ids: divides them into buckets by ids of a sample, and sorts each bucket in memory.
 *
 * @param chunks Emptied: their memory is used again.
 * @see Frazer and McKellar, Samplesort (1970).
 */
export function sortChunks(
  chunks: StoredChunk<CollectedChunk>[],
  chunkStore: ChunkStore,
): StoredChunk<CollectedChunk>[] {
  const bounds = boundsOf(chunks);
  const pieceRows = Math.max(pieceRowsMin, Math.floor(pieceRowsOfAll / (bounds.length + 1)));
  const buckets = Array.from({ length: bounds.length + 1 }, () => ({
    packer: undefined as RowPacker<CollectedChunk> | undefined,
    pieces: [] as StoredChunk<CollectedChunk>[],
  }));
  for (const chunk of chunkStore.drain(chunks)) {
    for (const [b, rows] of rowsByBucket(chunk.ids, bounds)) {
      const bucket = buckets[b];
      const packer = bucket.packer ??= createRowPacker<CollectedChunk>(pieceRows, chunkStore.columns);
      for (let from = 0; from < rows.length;) {
        const to = Math.min(rows.length, from + pieceRows - packer.rowCount);
        packer.add(chunk, from, to, rows);
        if (packer.rowCount === pieceRows) bucket.pieces.push(chunkStore.put(packer.take(chunk)));
        from = to;
      }
    }
  }
  return buckets.flatMap(({ packer, pieces }) => {
    const rowCount = sumOf(pieces, (piece) => plainFields(piece).rowCount) + (packer?.rowCount ?? 0);
    return packer ? [chunkStore.put(sorted([...pieces], packer, rowCount, chunkStore))] : [];
  });
}

/** Returns ids that divide all ids about evenly, ascending. */
function boundsOf(chunks: readonly StoredChunk<CollectedChunk>[]): Float64Array {
  const count = Math.floor(sumOf(chunks, (chunk) => plainFields(chunk).rowCount) / bucketRows);
  if (count === 0) return new Float64Array();
  const sample: number[] = [];
  for (const { ids } of loadEach(chunks)) {
    for (let i = 0; i < ids.length; i += sampleStep) sample.push(ids[i]);
  }
  const ordered = Float64Array.from(sample).sort();
  return Float64Array.from(
    { length: count },
    (_, i) => ordered[Math.floor(ordered.length * (i + 1) / (count + 1))],
  );
}

/** Returns the rows of each bucket: those from one bound up to, and excluding, the next. */
function rowsByBucket(ids: Float64Array, bounds: Float64Array): Map<number, Uint32Array> {
  const buckets = new Map<number, number[]>();
  for (let row = 0; row < ids.length; row++) {
    let [low, high] = [0, bounds.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bounds[middle] <= ids[row]) low = middle + 1;
      else high = middle;
    }
    buckets.getOrInsertComputed(low, () => []).push(row);
  }
  return new Map([...buckets].map(([bucket, rows]) => [bucket, Uint32Array.from(rows)]));
}

/** Sorts a bucket. @param packer Has its last rows. */
function sorted(
  pieces: StoredChunk<CollectedChunk>[],
  packer: RowPacker<CollectedChunk>,
  rowCount: number,
  chunkStore: ChunkStore,
): CollectedChunk {
  const all = createRowPacker<CollectedChunk>(rowCount, chunkStore.columns);
  const last = packer.rowCount > 0 ? [packer.take()] : [];
  for (const piece of chunkStore.drain([...pieces, ...last])) all.add(piece, 0, piece.rowCount);
  const bucket = all.take();
  const { ids } = bucket;
  const order = Uint32Array.from({ length: rowCount }, (_, i) => i).sort((a, b) => ids[a] - ids[b]);
  const inOrder = createRowPacker<CollectedChunk>(rowCount, chunkStore.columns);
  inOrder.add(bucket, 0, rowCount, order);
  const chunk = inOrder.take();
  return { ...chunk, ...orderOf(chunk.ids) };
}
