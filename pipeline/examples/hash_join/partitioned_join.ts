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

/** Runs one thread's share of a `FillJob`. */
export async function fillPartition(job: FillJob, pause: () => void = () => {}): Promise<void> {
  const { chunks, next } = job;
  const loader = createLoader();
  const fill = createFiller(job);
  const yielding = createYielding();
  for (let i = Atomics.add(next, 0, 1); i < chunks.length; i = Atomics.add(next, 0, 1)) {
    const stored = chunks[i];
    const chunk = loader.load(stored);
    // The same columns as before, so that the record has the same layout.
    if (fill(chunk) && isSpilled(stored)) writeRecord(recordOf(chunk), stored.place);
    await yielding();
    pause();
  }
}

/** @returns A function that fills a chunk's columns and returns whether it changed any. */
function createFiller({ table, partition, partitionCount, later, numbers, categories, used }: FillJob) {
  const { width } = table.encoding;
  const finder = createKeyFinder(table);
  let rows = new Int32Array(0);
  let parentRows = new Int32Array(0);
  return ({ rowCount, numeric, codes, times, parentKeys, parentsFound }: PendingChunk): boolean => {
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
    numbers.forEach((column, i) => {
      const target = column < 0 ? times : numeric;
      if (target) scatter(target, column < 0 ? 0 : column, column < 0 ? 1 : stride, table.numbers[i]);
    });
    categories.forEach((column, i) => scatterCodes(codes[column], table.codes[i], used[i]));
    return count > 0;

    function scatter(target: Float64Array, first: number, step: number, values: Float64Array) {
      for (let i = 0; i < count; i++) target[rows[i] * step + first] = values[parentRows[i]];
    }
    function scatterCodes(target: PendingChunk["codes"][number], values: Uint32Array, used: Uint8Array) {
      for (let i = 0; i < count; i++) {
        const code = values[parentRows[i]];
        target[rows[i]] = code;
        used[code] = 1;
      }
    }
  };
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
  const chunks = results.flatMap(({ parts }) => parts.map(({ chunk }) => chunk as StoredChunk<PendingChunk>));
  const fields = new Map<number, { levels: (string | null)[]; kinds: number }>();
  for (const [later, side] of sides.entries()) {
    const used = await joinSide(side, later, chunks, options);
    side.categories.forEach(({ field, levels, kinds }, i) => {
      const list = Array.from(used[i], (isUsed, code) => isUsed === 1 ? writtenLevel(code, levels) : null);
      fields.set(field, { levels: list, kinds: list.some((level) => level !== null) ? kinds : 0 });
    });
  }
  return results.map((result) => {
    const { parts, missing } = withoutOrphans(result.parts, sides.length, options);
    return {
      ...result,
      parts,
      levels: result.levels.map((own, field) => fields.get(field)?.levels ?? own),
      kinds: result.kinds.map((own, field) => fields.get(field)?.kinds ?? own),
      read: result.read - missing,
    };
  });
}

/** Joins all rows with one parent. @returns Per categorical field, by written code: 1 if an example has it. */
async function joinSide(
  { partitioning, partitions, numbers, categories }: LaterSide,
  later: number,
  chunks: readonly StoredChunk<PendingChunk>[],
  { threads, pause }: LaterOptions,
): Promise<Uint8Array<SharedArrayBuffer>[]> {
  const rowsOf = (parts: LaterSide["partitions"][number]) =>
    parts.reduce((sum, part) => sum + plainFields<ParentRows>(part).rowCount, 0);
  // One table for all partitions: shared memory is freed late.
  const table = createHashTable({ ...partitioning, rowCount: Math.max(1, ...partitions.map(rowsOf)) });
  const used = categories.map(({ levels }) =>
    sharedUint8(1 + Math.max(...levels.map((own) => own.length)) * levels.length)
  );
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
    await threads.run(job, () => fillPartition(job, pause));
  }
  return used;
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
  const pending = parts.map(({ order, chunk }) => ({ order, chunk: chunk as StoredChunk<PendingChunk> }));
  let missing = 0;
  for (const { parentsFound } of loadEach(pending.map(({ chunk }) => chunk))) {
    for (const count of parentsFound) if (count < parentCount) missing++;
  }
  if (missing === 0) {
    return { parts: pending.map(({ order, chunk }) => ({ order, chunk: joined(chunk) })), missing };
  }
  const ranges = Map.groupBy(
    pending.toSorted((a, b) => a.order - b.order),
    ({ order }) => Math.floor(order / rangeStride),
  );
  const repacked = [...ranges].flatMap(([range, chunks]) =>
    Array.from(
      repackRange(loadEach(chunks.map(({ chunk }) => chunk)), {
        parentCount,
        rowsMax,
        columns: chunkStore.columns,
      }),
      (chunk, sequence) => ({ order: range * rangeStride + sequence, chunk: chunkStore.put(chunk) }),
    )
  );
  return { parts: repacked, missing };
}

/** The order of a range's first chunk is its index times this. */
export const rangeStride = 2 ** 24;

function joined(stored: StoredChunk<PendingChunk>): StoredChunk<RawChunk> {
  if (isSpilled(stored)) {
    const { parentKeys: _keys, parentsFound: _found, ...fields } = stored.fields;
    return { place: stored.place, fields };
  }
  const { parentKeys: _keys, parentsFound: _found, ...chunk } = stored;
  return chunk;
}
