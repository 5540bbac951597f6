import type { StoredChunk } from "../../chunks/chunk_file.ts";
import { type ChunkStore, createChunkStore, createLoader } from "../../chunks/chunk_store.ts";
import type { MemoryBudget } from "../../chunks/memory_budget.ts";
import { sharedInt32 } from "../../runtime/shared_memory.ts";
import { runYielding } from "../../runtime/steps.ts";
import type { Job, Threads } from "../../runtime/thread_pool.ts";
import type { RawChunk } from "../raw_examples.ts";
import { type Coding, createRecoder } from "../coding.ts";
import type { HashJoin } from "./hash_join.ts";
import { createFiller, type MatchJob, matchPartitions, type StreamMatches } from "./matching.ts";
import type { Partitions } from "./partitions.ts";
import { codingOf } from "./placed_columns.ts";
import { sumOf } from "./placement.ts";
import { createRowPacker } from "./row_packer.ts";

/** What one thread read of the child: a stream of rows. */
export interface ChildStream {
  /** In the order in which they were read; all chunks of a range of ids follow each other. */
  readonly parts: readonly ChildPart[];
  readonly levels: readonly (string | null)[][];
  /** Per categorical field: the kinds of the values, as bits. */
  readonly kinds: readonly number[];
  /** Rows of the view. */
  readonly read: number;
  /** Per parent that comes later: the keys that the rows refer to. */
  readonly references: readonly Partitions[];
}

interface ChildPart {
  readonly order: number;
  readonly chunk: StoredChunk<RawChunk>;
}

/** The order of a range's first chunk is its index times this. */
export const rangeStride = 2 ** 24;

/** Fills in the values of parents: each thread takes the next stream until there is none. */
export interface FillJob extends Job {
  readonly kind: "fill";
  readonly streams: readonly ChildStream[];
  /** Per stream, then per parent that comes later. */
  readonly matches: readonly (readonly StreamMatches[])[];
  /** Per category of an example: its coding by the parent that comes later; undefined for any other. */
  readonly codings: readonly (Coding | undefined)[];
  /** Whether all rows have all parents, so that the chunks stay as they are. */
  readonly isComplete: boolean;
  /** Rows of a chunk, at most. */
  readonly rowsMax: number;
  readonly budget: MemoryBudget;
  /** Shape (1): the next stream that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

type FilledStream = Omit<ChildStream, "references"> & { readonly stream: number };

/** Runs one thread's share of a `FillJob`. Yields after each chunk. */
export function* fillStreams(job: FillJob): Generator<void, FilledStream[]> {
  const { streams, next } = job;
  const filled: FilledStream[] = [];
  for (let s = Atomics.add(next, 0, 1); s < streams.length; s = Atomics.add(next, 0, 1)) {
    filled.push(yield* fillStream(job, s));
  }
  return filled;
}

function* fillStream(
  { streams, matches, codings, isComplete, rowsMax, budget }: FillJob,
  stream: number,
): Generator<void, FilledStream> {
  const { parts, levels, kinds, read } = streams[stream];
  const fill = createFiller(matches[stream]);
  const chunkStore = createChunkStore(budget);
  const loader = createLoader();
  const recoders = codings.map((coding) => coding && createRecoder(coding));
  const recode = (chunk: RawChunk): RawChunk => {
    chunk.codes.forEach((column, field) => recoders[field]?.recode(column));
    return chunk;
  };
  const packing = createRangePacking(rowsMax, chunkStore, recode);
  const left: ChildPart[] = [];
  let missing = 0;
  for (const { order, chunk: stored } of parts) {
    if (isComplete) {
      const chunk = chunkStore.rewriteOne(stored, (chunk) => {
        fill(chunk);
        return recode(chunk);
      });
      left.push({ order, chunk });
    } else {
      const chunk = loader.load(stored);
      const rows = fill(chunk);
      const count = rows ? rows.length : chunk.rowCount;
      missing += chunk.rowCount - count;
      left.push(...packing.add(Math.floor(order / rangeStride), chunk, 0, count, rows));
    }
    yield;
  }
  return {
    stream,
    parts: [...left, ...packing.end()],
    levels: levels.map((own, field) => recoders[field]?.levels ?? own),
    kinds: kinds.map((own, field) => recoders[field]?.kinds() ?? own),
    read: read - missing,
  };
}

/**
 * Divides rows that come range by range into chunks: each but the last of a range is full, and the last may be empty.
 *
 * @param finish Makes a chunk of examples of one with their rows.
 */
export function createRangePacking<Chunk extends RawChunk>(
  rowsMax: number,
  chunkStore: ChunkStore,
  finish: (chunk: Chunk) => RawChunk,
) {
  const packer = createRowPacker<Chunk>(rowsMax, chunkStore.columns);
  let current: { readonly range: number; readonly like: Chunk; sequence: number } | undefined;
  const take = (): ChildPart[] => {
    if (!current) return [];
    const order = current.range * rangeStride + current.sequence++;
    return [{ order, chunk: chunkStore.put(finish(packer.take(current.like))) }];
  };
  return {
    /** Adds the rows `from` up to, and excluding, `to`, of those listed or of the chunk itself. */
    *add(range: number, chunk: Chunk, from: number, to: number, rows?: Uint32Array): Generator<ChildPart> {
      if (range !== current?.range) {
        yield* take();
        current = { range, like: chunk, sequence: 0 };
      }
      for (let at = from; at < to;) {
        if (packer.rowCount === rowsMax) yield* take();
        const end = Math.min(to, at + rowsMax - packer.rowCount);
        packer.add(chunk, at, end, rows);
        at = end;
      }
    },
    end: take,
  };
}

export interface LaterOptions {
  readonly threads: Threads;
  readonly budget: MemoryBudget | undefined;
  /** Rows of a chunk, at most. */
  readonly rowsMax: number;
  /** Called regularly on the calling thread. */
  readonly pause: () => void;
}

/**
 * Joins rows with the parents that did not fit into memory. Rows without a parent are removed, and the chunks end at the same rows as
 * if all parents had been in memory.
 */
export async function joinLater<Result extends ChildStream>(
  results: readonly Result[],
  { buildSides, categoryCount }: HashJoin,
  { threads, budget, rowsMax, pause }: LaterOptions,
): Promise<Result[]> {
  const sides = buildSides.flatMap((side) => "table" in side ? [] : [side]);
  if (sides.length === 0 || !budget) return [...results];
  const rowCount = sumOf(results, ({ read }) => read);
  const matches: StreamMatches[][] = results.map(() => []);
  let foundCount = 0;
  for (const [later, side] of sides.entries()) {
    const job: MatchJob = {
      kind: "match",
      partitioning: side.partitioning,
      parents: side.partitions,
      references: results.map(({ references }) => references[later]),
      next: sharedInt32(1),
      budget,
    };
    const found = (await threads.run(job, () => runYielding(matchPartitions(job), pause))).flat()
      .sort((a, b) => a.partition - b.partition);
    foundCount += sumOf(found, (part) => part.foundCount);
    for (const [stream, own] of matches.entries()) {
      own.push({ places: side.places, blocks: found.map(({ streams }) => streams[stream]) });
    }
  }
  const job: FillJob = {
    kind: "fill",
    streams: results,
    matches,
    codings: Array.from({ length: categoryCount }, (_, category) => codingOf(sides, category)),
    isComplete: foundCount === sides.length * rowCount,
    rowsMax,
    budget,
    next: sharedInt32(1),
  };
  const filled = (await threads.run(job, () => runYielding(fillStreams(job), pause))).flat();
  return results.map((result, stream) => ({ ...result, ...filled.find((one) => one.stream === stream) }));
}
