import { join } from "node:path";
import { aligned, type ChunkRecord, recordOf } from "./chunk_record.ts";
import { type ChunkLoader, createLoader } from "./chunk_loader.ts";
import { type MemoryBudget, nextFileName, reserveMemory } from "./chunk_room.ts";
import { type ColumnMaker, createColumnPool, newColumns } from "./column_pool.ts";
import { requireFreeSpace, reserveBytes } from "../store/disk_space.ts";
import { isSpilled, type Place, type SpilledChunk, type StoredChunk } from "./stored_chunk.ts";
import { writing } from "../files/written_file.ts";

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
