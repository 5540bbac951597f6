import { isSpilled, type StoredChunk } from "../chunks/chunk_file.ts";
import { createChunkStore, createLoader, discardFrom } from "../chunks/chunk_store.ts";
import { filesOnly, type MemoryBudget } from "../chunks/memory_budget.ts";
import { type Batch, emptyBatch, gatherColumn } from "../files/columns/batch.ts";
import {
  clearBuffer,
  type ColumnBuffer,
  createBuffer,
  releaseBuffer,
  takeRows,
} from "../files/columns/column_buffer.ts";
import { compareText, firstBytes, keyBytes } from "../files/columns/key_order.ts";
import { batchRows, type OrderedRun, runBytes, type SortedRuns } from "../files/columns/row_run.ts";
import { mergeOrder } from "../math/merge_order.ts";
import { allPlaces } from "../math/rank_order.ts";
import { hasFreeSpace, reserveBytes } from "../store/disk_space.ts";
import type { ColumnType, TableColumn } from "../store/table.ts";
import {
  appendMerged,
  type MergedColumn,
  mergedColumn,
  storeColumn,
  type StoredColumn,
} from "./stored_column.ts";

/** Consecutive rows of a sorted run. */
interface RunChunk {
  readonly rowCount: number;
  /** Row numbers in the file. */
  readonly rows: Uint32Array<SharedArrayBuffer>;
  readonly nulls: readonly StoredColumn["nulls"][];
  readonly values: readonly StoredColumn["values"][];
  readonly spans: readonly StoredColumn["spans"][];
}

/** Runs that are merged at once, each of which has a chunk in memory: 50 million rows. */
const runsMax = 64;
const chunkRowsMax = 4_096;
const chunkBytes = 2 ** 18;
/** Texts of a batch that is inserted. */
const batchTextMax = 8 * 2 ** 20;

/** The rows of a run in key order, in a file of their own. */
export type SortedRun = readonly StoredChunk<RunChunk>[];

export interface SortedRunsOptions {
  readonly columns: readonly TableColumn[];
  /** Index of the first column of the key. */
  readonly key: number;
  /** Its folder holds the runs. */
  readonly budget: MemoryBudget;
  /** Returns the part of the file that has been read. */
  readonly shareRead: () => number;
  /** Returns whether the thread that inserts has nothing else to do: then it writes the runs. Default: never. */
  readonly isOtherIdle?: () => boolean;
}

/** Runs of a thread that reads, of which another thread may write some. */
export interface ReaderRuns extends SortedRuns {
  /** Returns the run that the other thread is to write, once. */
  takeUnwritten(): OrderedRun | undefined;
  /** Adds that run when it is written. */
  addWritten(run: SortedRun): void;
}

/**
 * Sorts the rows of a file outside of the memory, so that they are inserted in one order: runs in key order are written to a file each,
 * then merged, and their room goes to the table while it grows. Without room on the disk for them and for the table, runs are refused,
 * and inserted one by one.
 */
export function createSortedRuns(
  { columns, key, budget, shareRead, isOtherIdle = () => false }: SortedRunsOptions,
): ReaderRuns {
  const write = createRunWriter(budget);
  /** Undefined while the other thread writes it, which has one at a time. */
  let runs: (SortedRun | undefined)[] = [];
  let unwritten: OrderedRun | undefined;
  const isBehind = () => runs.includes(undefined);
  return {
    isBehind,
    hasRoom(byteCount) {
      // The first run is the measure of the file's; each row will be in the table, too.
      const expected = runs.length === 0 ? byteCount / Math.max(shareRead(), 1e-3) : byteCount;
      return runs.length < runsMax && hasFreeSpace(budget.folder, reserveBytes + 2 * expected);
    },
    add(run) {
      if (!isOtherIdle()) return void runs.push(write(run));
      runs.push(undefined);
      unwritten = { ...run, buffers: run.buffers.map(takeRows) };
    },
    takeUnwritten() {
      const run = unwritten;
      unwritten = undefined;
      return run;
    },
    addWritten: (run) => void (runs[runs.indexOf(undefined)] = run),
    *merge() {
      while (isBehind()) yield emptyBatch;
      const merged = runs.filter((run) => run !== undefined && run.length > 0) as SortedRun[];
      runs = [];
      yield* mergeRuns(merged, columns, key);
    },
  };
}

/** Returns a function that writes the rows of a run to a file of their own. @param budget Its folder holds the files. */
export function createRunWriter(budget: MemoryBudget): (run: OrderedRun) => SortedRun {
  const store = createChunkStore(filesOnly(budget));
  return ({ buffers, order, firstRow }) => {
    const bytes = Math.max(1, runBytes({ buffers, lineLength: 0 }));
    const rowsMax = Math.max(1, Math.min(chunkRowsMax, Math.floor(chunkBytes * order.length / bytes)));
    const chunks: StoredChunk<RunChunk>[] = [];
    store.startFile();
    // The first rows last: those that have been merged are cut off the file's end.
    const count = Math.ceil(order.length / rowsMax);
    for (let start = (count - 1) * rowsMax; start >= 0; start -= rowsMax) {
      const places = order.subarray(start, start + rowsMax);
      const rows = store.columns.uint32(places.length);
      for (let i = 0; i < places.length; i++) rows[i] = firstRow + places[i];
      const stored = buffers.map((buffer) => storeColumn(buffer, places, store.columns));
      chunks.push(store.put({
        rowCount: places.length,
        rows,
        nulls: stored.map(({ nulls }) => nulls),
        values: stored.map(({ values }) => values),
        spans: stored.map(({ spans }) => spans),
      }));
    }
    return chunks.reverse();
  };
}

function* mergeRuns(
  runs: readonly SortedRun[],
  columns: readonly TableColumn[],
  key: number,
): Generator<Batch> {
  const merged = columns.map(({ type }) => createBuffer(type));
  const identity = allPlaces(batchRows);
  const numbers = new Uint32Array(batchRows);
  /** The rows that follow those in the buffers. */
  const pending = { count: 0, from: new Uint8Array(batchRows), places: new Uint32Array(batchRows) };
  const cursors = runs.map((chunks) => createCursor(chunks, columns[key].type, key));
  const order = mergeOrder(runs.length, (a, b) => compareHeads(cursors[a], cursors[b], key) || a - b);
  const append = () => {
    for (const [i, buffer] of merged.entries()) {
      appendMerged(buffer, cursors.map((cursor) => cursor.columns[i]), pending);
    }
    pending.count = 0;
  };
  const take = (count: number): Batch => {
    const places = identity.subarray(0, count);
    const batch = {
      rowCount: count,
      rows: numbers.slice(0, count),
      columns: merged.map((buffer) => gatherColumn(buffer, places)),
      faults: [],
    };
    merged.forEach(clearBuffer);
    for (const { columns } of cursors) for (const { copied } of columns) copied?.fill(-1);
    return batch;
  };
  const isLong = (buffer: ColumnBuffer) => buffer.type === "TEXT" && buffer.textLength >= batchTextMax;
  try {
    for (let first = order.first(); first >= 0; first = order.first()) {
      const cursor = cursors[first];
      const count = merged[0].length + pending.count;
      numbers[count] = cursor.rows[cursor.at];
      pending.from[pending.count] = first;
      pending.places[pending.count++] = cursor.at;
      const isInChunk = cursor.next();
      if (!isInChunk || count + 1 === batchRows) append();
      if (!isInChunk && !cursor.load()) order.end();
      else order.advance();
      if (merged[0].length < batchRows && !merged.some(isLong)) continue;
      yield take(merged[0].length);
    }
    append();
    if (merged[0].length > 0) yield take(merged[0].length);
  } finally {
    merged.forEach(releaseBuffer);
  }
}

type Cursor = ReturnType<typeof createCursor>;

/** Compares the keys of the next rows of two runs. */
function compareHeads(a: Cursor, b: Cursor, key: number): number {
  if (a.high !== b.high) return a.high - b.high;
  if (a.low !== b.low) return a.low - b.low;
  const [{ values: bytes, spans }, { values: otherBytes, spans: otherSpans }] = [
    a.columns[key],
    b.columns[key],
  ];
  if (spans.length === 0) return 0;
  return compareText({ bytes, spans }, a.at, { bytes: otherBytes, spans: otherSpans }, b.at);
}

/** Walks over the rows of a run. */
function createCursor(chunks: SortedRun, type: ColumnType, key: number) {
  const loader = createLoader();
  let loaded = 0;
  const cursor = {
    columns: [] as readonly MergedColumn[],
    /** Row numbers in the file. */
    rows: new Uint32Array() as Uint32Array,
    /** The place of the next row in the columns. */
    at: 0,
    /** Two numbers that order the next row's key, as far as they differ from another's. */
    high: 0,
    low: 0,
    /** Goes to the next row. @returns False at the end of the chunk. */
    next(): boolean {
      if (++cursor.at === cursor.rows.length) return false;
      readHead();
      return true;
    },
    /** Loads the next chunk, in place of the one that has been read. @returns False at the end of the run. */
    load(): boolean {
      if (loaded === chunks.length) return false;
      const stored = chunks[loaded++];
      const { rows, nulls, values, spans } = loader.load(stored);
      if (isSpilled(stored)) discardFrom(stored);
      cursor.columns = nulls.map((_, i) =>
        mergedColumn({ nulls: nulls[i], values: values[i], spans: spans[i] })
      );
      cursor.rows = rows;
      cursor.at = 0;
      readHead();
      return true;
    },
  };
  const readHead = () => {
    const { values, spans } = cursor.columns[key];
    const { at } = cursor;
    if (type === "TEXT") {
      cursor.high = firstBytes(values, spans[2 * at], spans[2 * at + 1]);
      cursor.low = firstBytes(values, spans[2 * at] + keyBytes, spans[2 * at + 1]);
    } else if (type === "REAL") cursor.high = values[at];
    else {
      cursor.high = values[2 * at + 1] | 0;
      cursor.low = values[2 * at];
    }
  };
  cursor.load();
  return cursor;
}
