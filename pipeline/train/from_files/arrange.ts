import { plainFields, type StoredChunk } from "../../chunks/chunk_file.ts";
import type { ChunkStore } from "../../chunks/chunk_store.ts";
import { type Coding, createRecoder, type Recoder } from "../../examples/coding.ts";
import { createRangePacking } from "../../examples/hash_join/later_parents.ts";
import { createFiller, type StreamMatches } from "../../examples/hash_join/matching.ts";
import { sumOf } from "../../examples/hash_join/placement.ts";
import { createRowPacker } from "../../examples/hash_join/row_packer.ts";
import { chunkRowsOf, rangesOf } from "../../examples/id_ranges.ts";
import type { JoinPlan } from "../../examples/join_plan.ts";
import { mergeChunks } from "../../examples/merge_chunks.ts";
import type { RawChunk, RawExamples } from "../../examples/raw_examples.ts";
import { type CollectedChunk, orderOf } from "./collected_chunk.ts";
import { sortChunks } from "./sort_chunks.ts";

export interface ArrangeOptions {
  readonly plan: JoinPlan;
  /** Indices of the numbers that features read, among those of the plan's spec. */
  readonly numbers: readonly number[];
  /** The same of the categories. */
  readonly categories: readonly number[];
  readonly chunkStore: ChunkStore;
  /** Of the parents in files. */
  readonly matches: readonly StreamMatches[];
  /** Per category of the plan's spec: how it was coded. */
  readonly codings: readonly (Coding | undefined)[];
  /** Whether the label of an id is 1; undefined if the chunks have the labels. */
  readonly isClicked: ((id: number) => boolean) | undefined;
  /** Rows of the child, with those that lack a parent. */
  readonly rowsRead: number;
}

/**
 * Returns the examples in the order of their ids, in the chunks that reading a store would give. Rows that lack a parent are left out.
 *
 * @param chunks Emptied: their memory is used again.
 */
export function arrangeExamples(
  chunks: StoredChunk<CollectedChunk>[],
  options: ArrangeOptions,
): RawExamples {
  const { plan, chunkStore, matches, codings, rowsRead } = options;
  const filled = matches.length === 0 ? chunks : fillIn(chunks, options);
  const ordered = areOrdered(filled) ? filled : sortChunks(filled, chunkStore);
  const ids = idsOf(ordered);
  const categories = options.categories.flatMap((category) => {
    const coding = codings[category];
    return coding ? [{ category, ...createRecoder(coding) }] : [];
  });
  const finish = createFinish(categories, options);
  const columnCount = options.numbers.length + categories.length;
  const packing = createRangePacking(chunkRowsOf(columnCount), chunkStore, finish);
  const parts = ids
    ? [
      ...cutAtRanges(chunkStore.drain(ordered), ids).flatMap((cut) => [...packing.add(...cut)]),
      ...packing.end(),
    ]
    : [];
  const coded = {
    levels: categories.map(({ levels }) => levels),
    kinds: categories.map(({ kinds }) => kinds()),
  };
  const raw = mergeChunks(parts.map((part) => ({ ...part, ...coded })), { chunkStore });
  const parents = plan.parents.map(({ table }) => table);
  const orphans = { rows: rowsRead - raw.rowCount, table: plan.child, parents };
  return {
    ...raw,
    ...(parents.length === 0 ? {} : { account: { ...raw.account, orphans } }),
    ...(ids ? { lastId: BigInt(ids.last) } : {}),
  };
}

/** Returns a function that makes an example of each row of a chunk. */
function createFinish(
  categories: readonly (Pick<Recoder, "recode"> & { readonly category: number })[],
  { numbers, chunkStore, isClicked }: ArrangeOptions,
): (chunk: CollectedChunk) => RawChunk {
  return ({ rowCount, numeric, codes, labels, groups, times, ids }) => {
    const stride = rowCount === 0 ? 0 : numeric.length / rowCount;
    let selected = numeric;
    if (stride !== numbers.length) {
      selected = chunkStore.columns.float64(rowCount * numbers.length);
      for (let i = 0, k = 0; i < rowCount; i++) {
        for (const j of numbers) selected[k++] = numeric[i * stride + j];
      }
    }
    if (isClicked) { for (let i = 0; i < rowCount; i++) labels[i] = isClicked(ids[i]) ? 1 : 0; }
    for (const { category, recode } of categories) recode(codes[category]);
    const chosen = categories.map(({ category }) => codes[category]);
    return { rowCount, numeric: selected, codes: chosen, labels, groups, ...(times ? { times } : {}) };
  };
}

/** Fills in the values of the parents in files. */
function fillIn(
  chunks: StoredChunk<CollectedChunk>[],
  { matches, chunkStore }: ArrangeOptions,
): StoredChunk<CollectedChunk>[] {
  const fill = createFiller(matches);
  const rowsMax = Math.max(0, ...chunks.map((chunk) => plainFields(chunk).rowCount));
  const packer = createRowPacker<CollectedChunk>(rowsMax, chunkStore.columns);
  return chunkStore.rewrite(chunks, (chunk) => {
    const rows = fill(chunk);
    if (!rows) return chunk;
    packer.add(chunk, 0, rows.length, rows);
    const left = packer.take(chunk);
    return { ...left, ...orderOf(left.ids) };
  });
}

function areOrdered(chunks: readonly StoredChunk<CollectedChunk>[]): boolean {
  let last = -Infinity;
  return chunks.map((chunk) => plainFields(chunk)).every(({ rowCount, firstId, lastId, isAscending }) => {
    if (rowCount === 0) return true;
    const isNext = isAscending === 1 && firstId >= last;
    last = lastId;
    return isNext;
  });
}

interface Ids {
  readonly first: number;
  readonly last: number;
}

/** @returns undefined if there are no rows. */
function idsOf(chunks: readonly StoredChunk<CollectedChunk>[]): Ids | undefined {
  if (sumOf(chunks, (chunk) => plainFields(chunk).rowCount) === 0) return undefined;
  const orders = chunks.map((chunk) => plainFields(chunk));
  return {
    first: orders.reduce((least, { firstId }) => Math.min(least, firstId), Infinity),
    last: orders.reduce((most, { lastId }) => Math.max(most, lastId), -Infinity),
  };
}

/** A span of a chunk's rows in one of the ranges of ids. */
type Cut = readonly [range: number, chunk: CollectedChunk, from: number, to: number];

/** Yields the rows range by range; a range without rows as an empty span. */
function* cutAtRanges(chunks: Iterable<CollectedChunk>, { first, last }: Ids): Generator<Cut> {
  const ends = rangesOf({ first: BigInt(first), last: BigInt(last) }).map(([, to]) => Number(to));
  let range = 0;
  for (const chunk of chunks) {
    for (let from = 0; from < chunk.rowCount;) {
      const to = firstAtLeast(ends[range], chunk.ids, from);
      yield [range, chunk, from, to];
      from = to;
      if (to < chunk.rowCount) range++;
    }
  }
}

function firstAtLeast(id: number, ids: Float64Array, from: number): number {
  let [low, high] = [from, ids.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle] < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
