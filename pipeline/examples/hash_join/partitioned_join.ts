import { isSpilled, plainFields, recordOf, type StoredChunk } from "../../chunks/chunk_file.ts";
import { type ChunkStore, createLoader, loadEach, writeRecord } from "../../chunks/chunk_store.ts";
import { createYielding } from "../../runtime/event_loop.ts";
import { sharedInt32, sharedUint8 } from "../../runtime/shared_memory.ts";
import type { Job, Threads } from "../../runtime/thread_pool.ts";
import type { PendingChunk, RawChunk } from "../raw_examples.ts";
import type { HashJoin, LaterSide } from "./hash_join.ts";
import {
  clearTable,
  createHashTable,
  createKeyFinder,
  createKeyInserter,
  type HashTable,
  reserveRows,
} from "./hash_table.ts";
import { hashOfWords } from "./key_encoding.ts";
import { type ParentRows, partitionOf } from "./partition_writer.ts";
import { sumOf } from "./placement.ts";
import { repackRange } from "./repack.ts";
import { writtenLevel } from "./written_codes.ts";

/** Fills in the values of one partition of a parent: each thread takes the next chunk until there is none. */
export interface FillJob extends Job {
  readonly kind: "fill";
  readonly table: HashTable;
  readonly partition: number;
  readonly partitionCount: number;
  /** Index of the parent among those that come later. */
  readonly later: number;
  /** As in `LaterSide`. */
  readonly numbers: readonly number[];
  /** Per categorical field of the parent: its index among the categories of an example. */
  readonly categories: readonly number[];
  /** Per categorical field of the parent, by written code: set to 1 if an example has it. */
  readonly used: readonly Uint8Array<SharedArrayBuffer>[];
  readonly chunks: readonly StoredChunk<PendingChunk>[];
  /** Shape (1): the next chunk that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** Runs one thread's share of a `FillJob`. @returns The number of rows whose parent it found. */
export async function fillPartition(job: FillJob, pause: () => void = () => {}): Promise<number> {
  const { chunks, next } = job;
  const loader = createLoader();
  const fill = createFiller(job);
  const yielding = createYielding();
  let rowCount = 0;
  for (let i = Atomics.add(next, 0, 1); i < chunks.length; i = Atomics.add(next, 0, 1)) {
    const stored = chunks[i];
    const chunk = loader.load(stored);
    const filled = fill(chunk);
    // The same columns as before, so that the record has the same layout.
    if (filled > 0 && isSpilled(stored)) writeRecord(recordOf(chunk), stored.place);
    rowCount += filled;
    await yielding();
    pause();
  }
  return rowCount;
}

/** @returns A function that fills a chunk's columns and returns the number of rows that it filled. */
function createFiller({ table, partition, partitionCount, later, numbers, categories, used }: FillJob) {
  const { width } = table.encoding;
  const finder = createKeyFinder(table);
  let rows = new Int32Array(0);
  let parentRows = new Int32Array(0);
  return ({ rowCount, numeric, codes, times, parentKeys, parentsFound }: PendingChunk): number => {
    if (rows.length < rowCount) [rows, parentRows] = [new Int32Array(rowCount), new Int32Array(rowCount)];
    let count = 0;
    for (let row = 0, at = 0; row < rowCount; row++, at += width) {
      const hash = hashOfWords(parentKeys[later], at, width);
      if (partitionOf(hash, partitionCount) !== partition) continue;
      const parentRow = finder.findWords(parentKeys[later], at, hash);
      if (parentRow < 0) continue;
      rows[count] = row;
      parentRows[count++] = parentRow;
      parentsFound[row]++;
    }
    const stride = rowCount === 0 ? 0 : numeric.length / rowCount;
    const places = { rows, parentRows, count };
    numbers.forEach((column, i) => {
      if (column >= 0) scatterNumbers(numeric, column, stride, table.numbers[i], places);
      else if (times) scatterNumbers(times, 0, 1, table.numbers[i], places);
    });
    categories.forEach((column, i) => scatterCodes(codes[column], table.codes[i], used[i], places));
    return count;
  };
}

/** Rows of a chunk, and those of their parents, shape (count) or longer. */
interface FoundRows {
  readonly rows: Int32Array;
  readonly parentRows: Int32Array;
  readonly count: number;
}

function scatterNumbers(
  target: Float64Array,
  first: number,
  stride: number,
  values: Float64Array,
  { rows, parentRows, count }: FoundRows,
): void {
  for (let i = 0; i < count; i++) target[rows[i] * stride + first] = values[parentRows[i]];
}

function scatterCodes(
  target: PendingChunk["codes"][number],
  values: Uint32Array,
  used: Uint8Array,
  { rows, parentRows, count }: FoundRows,
): void {
  for (let i = 0; i < count; i++) {
    const code = values[parentRows[i]];
    target[rows[i]] = code;
    used[code] = 1;
  }
}

/** What threads read of the child. */
interface ChildPart {
  readonly order: number;
  readonly chunk: StoredChunk<RawChunk>;
}

interface ChildResult {
  readonly parts: readonly ChildPart[];
  readonly levels: readonly (readonly (string | null)[])[];
  readonly kinds: readonly number[];
  readonly read: number;
}

export interface LaterOptions {
  readonly threads: Threads;
  readonly chunkStore: ChunkStore;
  /** Rows of a chunk, at most. */
  readonly rowsMax: number;
  readonly pause: () => void;
}

/**
 * Joins rows with the parents that did not fit into memory: partition by partition, each of which is a hash join of all rows whose
 * keys are in it. Rows without a parent are removed, and the chunks end at the same rows as if all parents had been in memory.
 *
 * @see DeWitt et al., Implementation Techniques for Main Memory Database Systems (1984): the GRACE hash join.
 */
export async function joinLater<Result extends ChildResult>(
  results: readonly Result[],
  { buildSides }: HashJoin,
  options: LaterOptions,
): Promise<Result[]> {
  const sides = buildSides.flatMap((side) => "table" in side ? [] : [side]);
  if (sides.length === 0) return [...results];
  const chunks = results.flatMap(({ parts }) => parts.map(pendingChunk));
  const fields = new Map<number, { levels: (string | null)[]; kinds: number }>();
  let foundCount = 0;
  for (const [later, side] of sides.entries()) {
    const { used, rowCount } = await joinSide(side, later, chunks, options);
    foundCount += rowCount;
    side.categories.forEach(({ field, levels, kinds }, i) => {
      const list = Array.from(used[i], (isUsed, code) => isUsed === 1 ? writtenLevel(code, levels) : null);
      fields.set(field, { levels: list, kinds: list.some((level) => level !== null) ? kinds : 0 });
    });
  }
  const pendingCount = sumOf(chunks, (chunk) => plainFields(chunk).rowCount);
  const isComplete = foundCount === sides.length * pendingCount;
  return results.map((result) => {
    const { parts, missing } = isComplete
      ? { parts: result.parts.map(joinedPart), missing: 0 }
      : withoutOrphans(result.parts, sides.length, options);
    return {
      ...result,
      parts,
      levels: result.levels.map((own, field) => fields.get(field)?.levels ?? own),
      kinds: result.kinds.map((own, field) => fields.get(field)?.kinds ?? own),
      read: result.read - missing,
    };
  });
}

/**
 * Joins all rows with one parent.
 *
 * @returns The number of rows whose parent was found; per categorical field, by written code: 1 if an example has it.
 */
async function joinSide(
  { partitioning, partitions, numbers, categories }: LaterSide,
  later: number,
  chunks: readonly StoredChunk<PendingChunk>[],
  { threads, pause }: LaterOptions,
): Promise<{ rowCount: number; used: Uint8Array<SharedArrayBuffer>[] }> {
  const rowsOf = (parts: LaterSide["partitions"][number]) => sumOf(parts, ({ fields }) => fields.rowCount);
  // One table for all partitions: shared memory is freed late.
  const table = createHashTable({ ...partitioning, rowCount: Math.max(1, ...partitions.map(rowsOf)) });
  const used = categories.map(({ levels }) =>
    sharedUint8(1 + Math.max(...levels.map((own) => own.length)) * levels.length)
  );
  let rowCount = 0;
  for (const [partition, parts] of partitions.entries()) {
    clearTable(table);
    for (const rows of loadEach(parts)) insert(table, rows);
    pause();
    const job: FillJob = {
      kind: "fill",
      table,
      partition,
      partitionCount: partitioning.partitionCount,
      later,
      numbers,
      categories: categories.map(({ field }) => field),
      used,
      chunks,
      next: sharedInt32(1),
    };
    const filled = await threads.run(job, () => fillPartition(job, pause));
    rowCount += sumOf(filled, (own) => own);
  }
  return { rowCount, used };
}

function insert(table: HashTable, { rowCount, keys, numbers, codes }: ParentRows): void {
  const from = reserveRows(table, rowCount);
  if (from === undefined) throw new Error("a partition has more rows than were counted");
  const { width } = table.encoding;
  const inserter = createKeyInserter(table);
  for (let i = 0; i < rowCount; i++) {
    // A bug: keys are unique in the table of the parent.
    if (!inserter.addWords(keys, i * width, from + i)) throw new Error("a key occurs twice in a partition");
  }
  numbers.forEach((column, i) => table.numbers[i].set(column, from));
  codes.forEach((column, i) => table.codes[i].set(column, from));
}

/** Removes the rows that lack a parent, and what only the join needed. */
function withoutOrphans(
  parts: readonly ChildPart[],
  parentCount: number,
  { chunkStore, rowsMax }: LaterOptions,
): { parts: ChildPart[]; missing: number } {
  const ranges = Map.groupBy(
    parts.toSorted((a, b) => a.order - b.order),
    ({ order }) => Math.floor(order / rangeStride),
  );
  const repacked = [...ranges].flatMap(([range, parts]) =>
    Array.from(
      repackRange(loadEach(parts.map(pendingChunk)), { parentCount, rowsMax, columns: chunkStore.columns }),
      (chunk, sequence) => ({ order: range * rangeStride + sequence, chunk: chunkStore.put(chunk) }),
    )
  );
  const rowsIn = (some: readonly ChildPart[]) => sumOf(some, ({ chunk }) => plainFields(chunk).rowCount);
  return { parts: repacked, missing: rowsIn(parts) - rowsIn(repacked) };
}

/** The order of a range's first chunk is its index times this. */
export const rangeStride = 2 ** 24;

/** Until parents that come later are joined, all chunks are pending ones. */
function pendingChunk({ chunk }: ChildPart): StoredChunk<PendingChunk> {
  return chunk as StoredChunk<PendingChunk>;
}

/** Returns a part without what only the join needed. */
function joinedPart(part: ChildPart): ChildPart {
  const stored = pendingChunk(part);
  if (isSpilled(stored)) {
    const { parentKeys: _keys, parentsFound: _found, ...fields } = stored.fields;
    return { order: part.order, chunk: { place: stored.place, fields } };
  }
  const { parentKeys: _keys, parentsFound: _found, ...chunk } = stored;
  return { order: part.order, chunk };
}
