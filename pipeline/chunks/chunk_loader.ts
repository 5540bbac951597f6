import { chunkOver } from "./chunk_record.ts";
import { isSpilled, type Place, type StoredChunk } from "./stored_chunk.ts";

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
