import { join } from "node:path";
import {
  aligned,
  chunkOver,
  type ChunkRecord,
  type Column,
  isSpilled,
  type Place,
  recordOf,
  type SpilledChunk,
  type StoredChunk,
} from "./chunk_file.ts";
import { type MemoryBudget, nextFileName, releaseMemory, reserveMemory } from "./memory_budget.ts";
import { requireFreeSpace, reserveBytes } from "../store/disk_space.ts";
import { writing } from "../files/written_file.ts";
import { sharedFloat64, sharedUint16, sharedUint32, sharedUint8 } from "../runtime/shared_memory.ts";

/** Stores one thread's chunks: in memory while the budget lasts, then in one file. */
export type ChunkStore = ReturnType<typeof createChunkStore>;

/** Bytes written between two checks of the free disk space. */
const checkBytes = 64 * 2 ** 20;

/** @param budget Default: all chunks stay in memory. */
export function createChunkStore(budget?: MemoryBudget) {
  const loader = createLoader();
  const pool = createColumnPool();
  const append = budget ? appender(budget) : undefined;
  const release = ({ columns }: ChunkRecord<object>) => columns.forEach(({ column }) => pool.release(column));
  const rewriteOne = <From extends object, To extends object>(
    stored: StoredChunk<From>,
    change: (chunk: From) => To,
  ): StoredChunk<To> => {
    const chunk = change(loader.load(stored));
    if (!isSpilled(stored) || !append) return chunk;
    const record = recordOf(chunk);
    const fits = record.byteCount <= stored.place.byteCountMax;
    const spilled = fits ? writeRecord(record, stored.place) : append(record);
    release(record);
    return spilled;
  };
  return {
    /** Of the threads that store chunks together; undefined if all stay in memory. */
    budget,
    /** Allocates columns of chunks to be stored, in the memory of columns that were spilled. */
    columns: budget ? pool : newColumns,
    /**
     * Stores a chunk.
     *
     * @param chunk Owned by the store from here on: its columns are reused once it is spilled.
     * @throws {Failure} `store-full`, `file-unwritable`.
     */
    put<Chunk extends object>(chunk: Chunk): StoredChunk<Chunk> {
      if (!budget || !append) return chunk;
      const record = recordOf(chunk);
      if (reserveMemory(budget, record.byteCount)) return chunk;
      const spilled = append(record);
      release(record);
      return spilled;
    },
    /** Writes a chunk to the file, also while memory is left. @throws {Failure} as `put`, and {Error} without a budget. */
    spill<Chunk extends object>(chunk: Chunk): SpilledChunk<Chunk> {
      if (!append) throw new Error("a chunk store without a budget has no file");
      return append(recordOf(chunk));
    },
    /** Writes the next chunks to a file of their own. */
    startFile: () => append?.startFile(),
    /** Yields chunks one after the other, each until the next one: its memory is then used again. @param chunks Emptied. */
    *drain<Chunk extends object>(chunks: StoredChunk<Chunk>[]): Generator<Chunk> {
      const left = chunks.splice(0).reverse();
      for (let stored = left.pop(); stored; stored = left.pop()) {
        yield loader.load(stored);
        if (budget && !isSpilled(stored)) release(unreserved(budget, recordOf(stored)));
      }
    },
    /**
     * Replaces each chunk by another one, stored in the same place.
     *
     * @param chunks Emptied.
     * @param change May change a chunk in place. `index` counts from 0.
     * @throws {Failure} as `put`.
     */
    rewrite<From extends object, To extends object>(
      chunks: StoredChunk<From>[],
      change: (chunk: From, index: number) => To,
    ): StoredChunk<To>[] {
      // Reversed, so that each old chunk is popped and freed before the next: old and new chunks are never all in memory.
      const old = chunks.splice(0).reverse();
      return Array.from({ length: old.length }, (_, index) => {
        const stored = old[old.length - 1];
        old.pop();
        return rewriteOne(stored, (chunk) => change(chunk, index));
      });
    },
    /**
     * Replaces one chunk by another one, stored in the same place.
     *
     * @param change May change the chunk in place.
     * @throws {Failure} as `put`.
     */
    rewriteOne,
  };
}

/** Releases the memory of a record. @returns The record. */
function unreserved<Record extends ChunkRecord<object>>(budget: MemoryBudget, record: Record): Record {
  releaseMemory(budget, record.byteCount);
  return record;
}

/** Returns a function that appends records to a file, which the first call creates. */
function appender(budget: MemoryBudget) {
  let path: string | undefined;
  let end = 0;
  let checkAt = 0;
  const append = <Chunk>(record: ChunkRecord<Chunk>): SpilledChunk<Chunk> => {
    path ??= createFile(budget);
    const { byteCount } = record;
    if (end >= checkAt) {
      requireFreeSpace(path, reserveBytes + byteCount + checkBytes);
      checkAt = end + checkBytes;
    }
    const at = end;
    end = aligned(at + byteCount);
    return writeRecord(record, { path, at, byteCount, byteCountMax: byteCount });
  };
  return Object.assign(append, {
    startFile: () => void ([path, end, checkAt] = [undefined, 0, 0]),
  });
}

/** Gives the room of a chunk back, and of those behind it in its file, none of which is read again. */
export function discardFrom({ place }: SpilledChunk<object>): void {
  writing(place.path, () => Deno.truncateSync(place.path, place.at));
}

function createFile(budget: MemoryBudget): string {
  const path = join(budget.folder, nextFileName(budget));
  writing(path, () => {
    Deno.mkdirSync(budget.folder, { recursive: true, mode: 0o700 });
    Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
  });
  return path;
}

/** Writes a chunk's columns to a place in a file that exists. @throws {Failure} `file-unwritable`. */
export function writeRecord<Chunk>(
  { fields, columns, byteCount }: ChunkRecord<Chunk>,
  place: Place,
): SpilledChunk<Chunk> {
  writing(place.path, () => {
    using file = Deno.openSync(place.path, { write: true });
    for (const { at, column } of columns) {
      file.seekSync(place.at + at, Deno.SeekMode.Start);
      const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    }
  });
  return { fields, place: { ...place, byteCount } };
}

/** Loads chunks on one thread: a spilled chunk is read into memory of the loader, any other is returned as it is. */
export type ChunkLoader = ReturnType<typeof createLoader>;

/** @param capacity Spilled chunks that are valid at the same time. */
export function createLoader(capacity = 1) {
  // In the order of loading.
  const loaded = new Map<object, { readonly chunk: object; readonly bytes: SharedArrayBuffer }>();
  return {
    /** @returns A chunk that is valid until `capacity` others have been loaded. */
    load<Chunk extends object>(stored: StoredChunk<Chunk>): Chunk {
      if (!isSpilled<Chunk>(stored)) return stored;
      const known = loaded.get(stored)?.chunk;
      // The key is the stored chunk itself, so the type is that of the loaded chunk.
      if (known) return known as Chunk;
      const bytes = readRecord(stored.place, evict(loaded, capacity));
      const chunk = chunkOver(stored, bytes);
      loaded.set(stored, { chunk, bytes });
      return chunk;
    },
  };
}

/** Evicts the chunk that was loaded first and returns its memory; undefined while fewer than `capacity` are loaded. */
function evict(
  loaded: Map<object, { readonly bytes: SharedArrayBuffer }>,
  capacity: number,
): SharedArrayBuffer | undefined {
  if (loaded.size < capacity) return undefined;
  for (const [first, { bytes }] of loaded) {
    loaded.delete(first);
    return bytes;
  }
  return undefined;
}

/** Reads a record into `memory` if it fits, otherwise into new memory. */
export function readRecord(
  { path, at, byteCount }: Place,
  memory: SharedArrayBuffer | undefined,
): SharedArrayBuffer {
  const bytes = memory && byteCount <= memory.byteLength ? memory : new SharedArrayBuffer(byteCount);
  // Opened for each chunk, which takes a hundredth of the read time and leaves nothing to close.
  using file = Deno.openSync(path);
  file.seekSync(at, Deno.SeekMode.Start);
  for (let done = 0; done < byteCount;) {
    const count = file.readSync(new Uint8Array(bytes, done, byteCount - done));
    // A bug: only this process writes the file.
    if (count === null) throw new Error(`${path} ends before ${at + byteCount} bytes`);
    done += count;
  }
  return bytes;
}

/** Loads chunks one after the other. Each is valid until the next one is taken. */
export function* loadEach<Chunk extends object>(chunks: Iterable<StoredChunk<Chunk>>): Generator<Chunk> {
  const loader = createLoader();
  for (const chunk of chunks) yield loader.load(chunk);
}

/** Allocates columns, with arbitrary contents. */
export interface ColumnMaker {
  float64(length: number): Float64Array<SharedArrayBuffer>;
  uint32(length: number): Uint32Array<SharedArrayBuffer>;
  uint16(length: number): Uint16Array<SharedArrayBuffer>;
  uint8(length: number): Uint8Array<SharedArrayBuffer>;
}

/** Allocates new memory for each column. */
export const newColumns: ColumnMaker = {
  float64: sharedFloat64,
  uint32: sharedUint32,
  uint16: sharedUint16,
  uint8: sharedUint8,
};

/**
 * Allocates columns in the memory of released ones. V8 frees shared memory late: it does not count it towards the pressure
 * that starts a garbage collection.
 */
interface ColumnPool extends ColumnMaker {
  /** Releases the memory of a column that is no longer used. Columns of other makers are ignored. */
  release(column: Column): void;
}

function createColumnPool(): ColumnPool {
  const own = new WeakSet<SharedArrayBuffer>();
  const free: SharedArrayBuffer[] = [];
  const take = (byteCount: number) => {
    const at = free.findIndex(({ byteLength }) => byteCount <= byteLength && byteLength <= 2 * byteCount);
    if (at >= 0) return free.splice(at, 1)[0];
    const bytes = new SharedArrayBuffer(byteCount);
    own.add(bytes);
    return bytes;
  };
  return {
    float64: (length) => new Float64Array(take(8 * length), 0, length),
    uint32: (length) => new Uint32Array(take(4 * length), 0, length),
    uint16: (length) => new Uint16Array(take(2 * length), 0, length),
    uint8: (length) => new Uint8Array(take(length), 0, length),
    release({ buffer }) {
      if (own.has(buffer) && !free.includes(buffer)) free.push(buffer);
    },
  };
}
