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
import { type MemoryBudget, nextFileName, reserveMemory } from "./memory_budget.ts";
import { requireFreeSpace, reserveBytes } from "../store/disk_space.ts";
import { writing } from "../files/written_file.ts";
import { sharedFloat64, sharedUint16, sharedUint32, sharedUint8 } from "../runtime/shared_memory.ts";

/** Keeps chunks for one thread: in memory as long as there is room, then in a file of its own. */
export interface ChunkStore extends ChunkLoader {
  /** For columns of what is to be kept: the memory of those that went to a file is used again. */
  readonly columns: ColumnMaker;
  /**
   * @param chunk Is used up: its columns are those of another one where it goes to a file.
   * @throws {Failure} `store-full`, `file-unwritable`.
   */
  put<Chunk extends object>(chunk: Chunk): StoredChunk<Chunk>;
  /**
   * Makes each chunk another one, which is kept where it was.
   *
   * @param chunks Are used up.
   * @param change May change a chunk in place. It is told how many came before it.
   * @throws {Failure} as `keep`.
   */
  rewrite<From extends object, To extends object>(
    chunks: StoredChunk<From>[],
    change: (chunk: From, index: number) => To,
  ): StoredChunk<To>[];
}

/** Bytes between two looks at the free space. */
const lookBytes = 64 * 2 ** 20;

/** @param room Without one, all chunks are kept in memory. */
export function createChunkStore(room?: MemoryBudget): ChunkStore {
  const loader = createLoader();
  const pool = createColumnPool();
  const append = room ? appender(room) : undefined;
  const giveBack = ({ columns }: ChunkRecord<object>) => {
    for (const { column } of columns) pool.giveBack(column);
  };
  return {
    ...loader,
    columns: room ? pool : newColumns,
    put(chunk) {
      if (!room || !append) return chunk;
      const record = recordOf(chunk);
      if (reserveMemory(room, record.byteCount)) return chunk;
      const spilled = append(record);
      giveBack(record);
      return spilled;
    },
    rewrite(chunks, change) {
      // The first is the last, and forgotten when it is used: the old chunks and the new are not in memory at once.
      const old = chunks.splice(0).reverse();
      return Array.from({ length: old.length }, (_, index) => {
        const stored = old[old.length - 1];
        old.pop();
        const chunk = change(loader.load(stored), index);
        if (!isSpilled(stored) || !append) return chunk;
        const record = recordOf(chunk);
        const fits = record.byteCount <= stored.place.byteCountMax;
        const spilled = fits ? writeRecord(record, stored.place) : append(record);
        giveBack(record);
        return spilled;
      });
    },
  };
}

/** Writes records one after the other, into a file that is made for the first. */
function appender(room: MemoryBudget): <Chunk>(record: ChunkRecord<Chunk>) => SpilledChunk<Chunk> {
  let path: string | undefined;
  let end = 0;
  let lookAt = 0;
  return (record) => {
    path ??= makeFile(room);
    const { byteCount } = record;
    if (end >= lookAt) {
      requireFreeSpace(path, reserveBytes + byteCount + lookBytes);
      lookAt = end + lookBytes;
    }
    const at = end;
    end = aligned(at + byteCount);
    return writeRecord(record, { path, at, byteCount, byteCountMax: byteCount });
  };
}

function makeFile(room: MemoryBudget): string {
  const path = join(room.folder, nextFileName(room));
  writing(path, () => {
    Deno.mkdirSync(room.folder, { recursive: true, mode: 0o700 });
    Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
  });
  return path;
}

function writeRecord<Chunk>(
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

/** Loads chunks for one thread: what is in memory as it is, what is in a file into a memory of its own. */
export interface ChunkLoader {
  /** @returns A chunk that holds until as many others are loaded as the loader has room for. */
  load<Chunk extends object>(stored: StoredChunk<Chunk>): Chunk;
}

/** @param capacity Chunks that hold at once. */
export function createLoader(capacity = 1): ChunkLoader {
  // In the order in which they were loaded.
  const loaded = new Map<object, { readonly chunk: object; readonly bytes: SharedArrayBuffer }>();
  return {
    load<Chunk extends object>(stored: StoredChunk<Chunk>) {
      if (!isSpilled<Chunk>(stored)) return stored;
      const known = loaded.get(stored)?.chunk;
      // Only a chunk of that type is kept under its own key.
      if (known) return known as Chunk;
      const bytes = read(stored.place, roomIn(loaded, capacity));
      const chunk = chunkOver(stored, bytes);
      loaded.set(stored, { chunk, bytes });
      return chunk;
    },
  };
}

/** The memory of the chunk that was loaded first, which is forgotten; undefined as long as there is room for another. */
function roomIn(
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

/** @returns `room` where the record fits into it, else memory of its own. */
function read({ path, at, byteCount }: Place, room: SharedArrayBuffer | undefined): SharedArrayBuffer {
  const bytes = room && byteCount <= room.byteLength ? room : new SharedArrayBuffer(byteCount);
  // Opened for each chunk: that takes a hundredth of the reading, and nobody has to close it.
  using file = Deno.openSync(path);
  file.seekSync(at, Deno.SeekMode.Start);
  for (let done = 0; done < byteCount;) {
    const count = file.readSync(new Uint8Array(bytes, done, byteCount - done));
    // Nobody but this process writes there.
    if (count === null) throw new Error(`${path} ends before ${at + byteCount} bytes`);
    done += count;
  }
  return bytes;
}

/** Loads one chunk after the other: each holds until the next one is taken. */
export function* loadEach<Chunk extends object>(chunks: Iterable<StoredChunk<Chunk>>): Generator<Chunk> {
  const loader = createLoader();
  for (const chunk of chunks) yield loader.load(chunk);
}

/** Makes columns. What is in them is to be overwritten. */
export interface ColumnMaker {
  float64(length: number): Float64Array<SharedArrayBuffer>;
  uint32(length: number): Uint32Array<SharedArrayBuffer>;
  uint16(length: number): Uint16Array<SharedArrayBuffer>;
  uint8(length: number): Uint8Array<SharedArrayBuffer>;
}

/** Makes each column anew: it stays where it is. */
export const newColumns: ColumnMaker = {
  float64: sharedFloat64,
  uint32: sharedUint32,
  uint16: sharedUint16,
  uint8: sharedUint8,
};

/**
 * Makes columns of the memory of those that were given back. The engine frees shared memory late: it does not count it
 * when it decides whether to look for garbage.
 */
export interface ColumnPool extends ColumnMaker {
  /** Takes a column back, if it is of this pool; nobody uses it any more. */
  giveBack(column: Column): void;
}

export function createColumnPool(): ColumnPool {
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
    giveBack({ buffer }) {
      if (own.has(buffer) && !free.includes(buffer)) free.push(buffer);
    },
  };
}
