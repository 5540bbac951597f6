import { createChunkStore } from "../chunks/chunk_store.ts";
import type { MemoryBudget } from "../chunks/memory_budget.ts";
import type { Job } from "../runtime/thread_pool.ts";
import type { RowsQuery } from "../store/checked_rows.ts";
import { openReadingConnection, type ReadingMemory, scanMemory } from "../store/reading_connection.ts";
import { createChunkBuilder } from "./chunk_builder.ts";
import { readRows } from "./example_rows.ts";
import type { HashJoin } from "./hash_join/hash_join.ts";
import { type ChildStream, rangeStride } from "./hash_join/later_parents.ts";
import { createProbe } from "./hash_join/probe.ts";
import { chunkRowsOf, type IdRange } from "./id_ranges.ts";
import { readingFailure } from "./reading_failure.ts";
import type { LeftOutRows } from "./row_account.ts";
import { type RowLayout, sliceSideColumns, viewLayout } from "./row_layout.ts";
import type { FeatureSpec } from "./spec.ts";
import { createUsableRows } from "./usable_rows.ts";

/** Rows of one batch from SQLite: few enough to be collected as young garbage. */
const batchRowsMax = 512;

/** Reads the view: each thread takes the next range of ids until there is none. */
export interface ReadJob extends Job {
  readonly kind: "read";
  readonly path: string;
  readonly spec: FeatureSpec;
  readonly query: RowsQuery;
  /** Ranges of ids, [from, to), in ascending order; a single null, for all rows, if the ids are not integers. */
  readonly ranges: readonly (IdRange | null)[];
  /** Shape (2): next range, rows read so far. */
  readonly shared: Int32Array<SharedArrayBuffer>;
  /** Default: all chunks stay in memory. */
  readonly budget?: MemoryBudget;
  /** If given, the rows are read by this join in place of the view. */
  readonly join?: HashJoin;
}

/** What one thread read. */
export interface ReadResult extends ChildStream {
  readonly leftOut: LeftOutRows;
  /** The label that counted as 0, if the spec says which counts as 1. */
  readonly negative: string | undefined;
  /** Id of the last row, if a single range has all rows. */
  readonly lastId?: unknown;
}

/** Runs one thread's share of a `ReadJob`. @param observe Called with the rows read so far by all threads. */
export function readRanges(job: ReadJob, observe: (rowCount: number) => void = () => {}): ReadResult {
  const { spec, ranges, shared, join } = job;
  const memory = join ? scanMemory : joinMemory(job.path);
  using db = openReadingConnection(job.path, memory);
  const chunkStore = createChunkStore(job.budget);
  const query = join?.child ?? job.query;
  const layout: RowLayout = join?.layout ?? viewLayout(spec);
  const usable = createUsableRows(spec, layout);
  const probe = join && createProbe(db, join, chunkStore, usable.take);
  const rowsMax = chunkRowsOf(layout.fields.length);
  const builder = createChunkBuilder(spec, {
    rowsMax,
    columns: chunkStore.columns,
    layout,
    ...(join ? { buildSides: join.buildSides } : {}),
  });
  let read = 0;
  const parts: ReadResult["parts"][number][] = [];
  let lastId: unknown;
  try {
    for (let i = Atomics.add(shared, 0, 1); i < ranges.length; i = Atomics.add(shared, 0, 1)) {
      let sequence = 0;
      // Mapped pages count as memory of the process: release those of the last range.
      if (memory.mappedBytes > 0) {
        db.exec(`PRAGMA mmap_size = 0; PRAGMA mmap_size = ${memory.mappedBytes}`);
      }
      const take = () =>
        parts.push({ order: i * rangeStride + sequence++, chunk: chunkStore.put(builder.take()) });
      for (const batch of readRows(db, query, ranges[i], { idName: spec.id, batchRowsMax })) {
        if (ranges[i] === null) lastId = batch.at(-1)?.[0];
        const { rows, side, joinedCount } = probe
          ? probe.join(batch)
          : { rows: usable.filter(batch), side: undefined, joinedCount: batch.length };
        read += joinedCount;
        const fitting = rowsMax - builder.rowCount;
        if (rows.length <= fitting) builder.add(rows, side);
        else {
          builder.add(rows.slice(0, fitting), side);
          take();
          builder.add(rows.slice(fitting), side && sliceSideColumns(side, fitting));
        }
        observe(Atomics.add(shared, 1, batch.length) + batch.length);
      }
      // A range without rows becomes a chunk without rows.
      take();
    }
  } catch (error) {
    // Stops the other threads: their rows would not be used.
    Atomics.store(shared, 0, ranges.length);
    throw readingFailure(error, spec, { db, query });
  }
  return {
    parts,
    levels: builder.levels,
    kinds: builder.kinds,
    read,
    leftOut: usable.leftOut(),
    negative: builder.negative,
    references: probe?.references() ?? [],
    ...(lastId === undefined ? {} : { lastId }),
  };
}

/**
 * SQLite's own join jumps from lead to lead: stores up to this size are mapped, which counts as memory of the process once
 * per thread.
 */
const mappedBytesMax = 256 * 2 ** 20;
/** For a larger store, a thread caches the upper levels of its B-trees; pages below them are read once. */
const readCacheBytes = 32 * 2 ** 20;

function joinMemory(path: string): ReadingMemory {
  const mappedBytes = Deno.statSync(path).size <= mappedBytesMax ? mappedBytesMax : 0;
  return { mappedBytes, cacheBytes: readCacheBytes };
}
