import { createHash } from "node:crypto";
import { parseJsonOfDoubles } from "../exact_json.ts";
import { createYielding } from "../runtime/event_loop.ts";
import {
  aligned,
  chunkOver,
  isSpilled,
  recordOf,
  type SpilledChunk,
  type StoredChunk,
} from "./chunk_file.ts";
import { type ChunkStore, createLoader, readRecord, writeRecord } from "./chunk_store.ts";

/**
 * The last part of a file of chunks, as JSON, followed by its SHA-256 and its length in bytes. Before it are the records of the
 * chunks, as in a spill file, and the bytes that belong to all of them.
 */
interface Index<Chunk, Head> {
  readonly head: Head;
  readonly chunks: readonly {
    readonly at: number;
    readonly byteCount: number;
    readonly fields: SpilledChunk<Chunk>["fields"];
  }[];
  readonly restAt: number;
  readonly restEnd: number;
  /** SHA-256 of the rest. */
  readonly restChecksum: string;
  /** Of the chunks, which are compared with it when they are read. */
  readonly checksum: string;
}

/** Computes the checksum of chunks, which are added in order. */
export interface ChunkHash<Chunk> {
  add(chunk: Chunk): void;
  digest(): string;
}

/** Chunks to be kept in a file, with what belongs to all of them. */
export interface KeptChunks<Chunk, Head> {
  readonly chunks: readonly StoredChunk<Chunk>[];
  /** Plain data, as JSON has them. */
  readonly head: Head;
  /** In parts. */
  readonly rest: Iterable<Uint8Array>;
  /** The chunks are added. */
  readonly hash: ChunkHash<Chunk>;
}

const hashBytes = 32;
const lengthBytes = 4;

/** Returns the bytes of chunks' columns. */
export function byteCountOf(chunks: readonly StoredChunk<object>[]): number {
  return chunks.reduce((sum, chunk) => {
    return sum + (isSpilled<object>(chunk) ? chunk.place.byteCount : recordOf(chunk).byteCount);
  }, 0);
}

/**
 * Writes chunks to a new file.
 *
 * @param pause Called after each chunk; may throw.
 * @returns Their checksum.
 * @throws {Failure} `file-unwritable`.
 */
export async function writeChunks<Chunk extends object, Head>(
  path: string,
  { chunks: stored, head, rest, hash }: KeptChunks<Chunk, Head>,
  pause: () => void,
): Promise<string> {
  Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
  const loader = createLoader();
  const chunks: Index<Chunk, Head>["chunks"][number][] = [];
  const yielding = createYielding();
  let end = 0;
  for (const one of stored) {
    const chunk = loader.load<Chunk>(one);
    hash.add(chunk);
    const record = recordOf(chunk);
    const { byteCount, fields } = record;
    writeRecord(record, { path, at: end, byteCount, byteCountMax: byteCount });
    chunks.push({ at: end, byteCount, fields });
    end = aligned(end + byteCount);
    await yielding();
    pause();
  }
  using file = Deno.openSync(path, { append: true });
  const append = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    return bytes.length;
  };
  append(new Uint8Array(end - file.seekSync(0, Deno.SeekMode.End)));
  let restEnd = end;
  const restHash = createHash("sha256");
  for (const part of rest) {
    restHash.update(part);
    restEnd += append(part);
  }
  const checksum = hash.digest();
  const restChecksum = restHash.digest("hex");
  const index: Index<Chunk, Head> = { head, chunks, restAt: end, restEnd, restChecksum, checksum };
  const json = new TextEncoder().encode(JSON.stringify(index));
  append(json);
  append(sha256(json));
  append(new Uint8Array(new Uint32Array([json.length]).buffer));
  return checksum;
}

/** Chunks that were read from a file. */
export interface LoadedChunks<Chunk, Head, Rest> {
  readonly chunks: StoredChunk<Chunk>[];
  readonly head: Head;
  readonly rest: Rest;
  readonly checksum: string;
}

/** How a file of chunks is read. */
export interface LoadOptions<Chunk, Head, Rest> {
  /** Stores the chunks: the file itself is not needed afterwards. */
  readonly chunkStore: ChunkStore;
  /** Reads the rest. The chunks are added to the hash. */
  readonly open: (rest: Uint8Array, head: Head) => { readonly rest: Rest; readonly hash: ChunkHash<Chunk> };
  /** Called after each chunk; may throw. */
  readonly pause: (chunk: Chunk) => void;
}

/** Reads what `writeChunks` wrote. @returns undefined if the file is not whole. */
export async function loadChunks<Chunk extends object, Head, Rest>(
  path: string,
  { chunkStore, open, pause }: LoadOptions<Chunk, Head, Rest>,
): Promise<LoadedChunks<Chunk, Head, Rest> | undefined> {
  const index = readIndex<Chunk, Head>(path);
  if (!index) return undefined;
  const { head, checksum, restAt, restEnd } = index;
  const restBytes = readBytes(path, restAt, restEnd);
  if (sha256(restBytes).toHex() !== index.restChecksum) return undefined;
  const { rest, hash } = open(restBytes, head);
  const chunks: StoredChunk<Chunk>[] = [];
  let memory: SharedArrayBuffer | undefined;
  const yielding = createYielding();
  for (const { at, byteCount, fields } of index.chunks) {
    const place = { path, at, byteCount, byteCountMax: byteCount };
    const bytes = readRecord(place, memory);
    const chunk = chunkOver<Chunk>({ place, fields }, bytes);
    hash.add(chunk);
    const stored = chunkStore.put(chunk);
    // The memory of a chunk that was spilled takes the next one.
    memory = isSpilled<Chunk>(stored) ? bytes : undefined;
    chunks.push(stored);
    await yielding();
    pause(chunk);
  }
  return hash.digest() === checksum ? { chunks, head, rest, checksum } : undefined;
}

/** @returns undefined if the end of the file is not that of a whole one. */
function readIndex<Chunk, Head>(path: string): Index<Chunk, Head> | undefined {
  const { size } = Deno.statSync(path);
  const tail = size - hashBytes - lengthBytes;
  if (tail < 0) return undefined;
  const end = readBytes(path, tail, size);
  const [length] = new Uint32Array(end.slice(hashBytes).buffer);
  if (length > tail) return undefined;
  const json = readBytes(path, tail - length, tail);
  if (sha256(json).toHex() !== end.subarray(0, hashBytes).toHex()) return undefined;
  const index: Index<Chunk, Head> = parseJsonOfDoubles(new TextDecoder().decode(json));
  return index.restEnd === tail - length ? index : undefined;
}

function readBytes(path: string, from: number, to: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(to - from);
  using file = Deno.openSync(path);
  file.seekSync(from, Deno.SeekMode.Start);
  for (let done = 0; done < bytes.length;) {
    const count = file.readSync(bytes.subarray(done));
    if (count === null) break;
    done += count;
  }
  return bytes;
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

/** Returns a SHA-256 to which columns are added. */
export function createColumnHash() {
  const hash = createHash("sha256");
  // The hash does not accept shared memory. One buffer for all columns: separate copies would be as much garbage as the data.
  let copy = new Uint8Array();
  return {
    update(part: string | Uint8Array): void {
      hash.update(part);
    },
    addColumns(columns: Iterable<ArrayBufferView>): void {
      for (const { buffer, byteOffset, byteLength } of columns) {
        if (copy.length < byteLength) copy = new Uint8Array(byteLength);
        copy.set(new Uint8Array(buffer, byteOffset, byteLength));
        hash.update(copy.subarray(0, byteLength));
      }
    },
    digest: (): string => hash.digest("hex"),
  };
}
