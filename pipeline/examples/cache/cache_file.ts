import { createHash } from "node:crypto";
import {
  aligned,
  chunkOver,
  isSpilled,
  recordOf,
  type SpilledChunk,
  type StoredChunk,
} from "../../chunks/chunk_file.ts";
import { type ChunkStore, createLoader, readRecord, writeRecord } from "../../chunks/chunk_store.ts";
import { createYielding } from "../../runtime/event_loop.ts";
import { createFingerprint } from "../fingerprint.ts";
import type { RawChunk, RawExamples } from "../raw_examples.ts";

/**
 * The last part of a cache file, as JSON, followed by its SHA-256 and its length in bytes. Before it are the records of the
 * chunks, as in a spill file, and the levels: lines of JSON, each with a field's index and some of its levels.
 */
interface Index extends Pick<RawExamples, "rowCount" | "types" | "account"> {
  readonly chunks: readonly {
    readonly at: number;
    readonly byteCount: number;
    readonly fields: SpilledChunk<RawChunk>["fields"];
  }[];
  readonly levelsAt: number;
  readonly levelsEnd: number;
  /** Of the rows and levels, which are compared with it when they are read. */
  readonly fingerprint: string;
  readonly lastId?: string;
}

const hashBytes = 32;
const lengthBytes = 4;
/** Levels in one line, at most. */
const lineLevels = 4_096;

/** Returns the bytes of the examples' columns. */
export function byteCountOf({ chunks }: RawExamples): number {
  return chunks.reduce((sum, chunk) => {
    return sum + (isSpilled(chunk) ? chunk.place.byteCount : recordOf(chunk).byteCount);
  }, 0);
}

/**
 * Writes examples to a new file.
 *
 * @param pause Called after each chunk; may throw.
 * @returns Their fingerprint.
 * @throws {Failure} `file-unwritable`.
 */
export async function writeExamples(path: string, raw: RawExamples, pause: () => void): Promise<string> {
  Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
  const hash = createFingerprint(raw.levels);
  const loader = createLoader();
  const chunks: Index["chunks"][number][] = [];
  const yielding = createYielding();
  let end = 0;
  for (const stored of raw.chunks) {
    const chunk = loader.load(stored);
    hash.add(chunk);
    const record = recordOf(chunk);
    const { byteCount, fields } = record;
    writeRecord(record, { path, at: end, byteCount, byteCountMax: byteCount });
    chunks.push({ at: end, byteCount, fields: fields as SpilledChunk<RawChunk>["fields"] });
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
  const encoder = new TextEncoder();
  let levelsEnd = end;
  for (const line of levelLines(raw.levels)) levelsEnd += append(encoder.encode(line));
  const { rowCount, types, account, lastId } = raw;
  const fingerprint = hash.digest();
  const index: Index = {
    rowCount,
    types,
    account,
    chunks,
    levelsAt: end,
    levelsEnd,
    fingerprint,
    ...(lastId === undefined ? {} : { lastId: String(lastId) }),
  };
  const json = encoder.encode(JSON.stringify(index));
  append(json);
  append(sha256(json));
  append(new Uint8Array(new Uint32Array([json.length]).buffer));
  return fingerprint;
}

function* levelLines(levels: RawExamples["levels"]): Generator<string> {
  for (const [field, list] of levels.entries()) {
    for (let from = 0; from < list.length; from += lineLevels) {
      yield `${JSON.stringify([field, ...list.slice(from, from + lineLevels)])}\n`;
    }
  }
}

/**
 * Reads examples from a file.
 *
 * @param chunkStore Stores the chunks: the file itself is not needed afterwards.
 * @param pause Called with the rows read so far, after each chunk; may throw.
 * @returns undefined if the file is not whole.
 */
export async function loadExamples(
  path: string,
  chunkStore: ChunkStore,
  pause: (rowCount: number) => void,
): Promise<RawExamples | undefined> {
  const index = readIndex(path);
  if (!index) return undefined;
  const { rowCount, types, account, fingerprint, lastId } = index;
  const levels = readLevels(path, index);
  const hash = createFingerprint(levels);
  const chunks: StoredChunk<RawChunk>[] = [];
  let memory: SharedArrayBuffer | undefined;
  const yielding = createYielding();
  let rows = 0;
  for (const { at, byteCount, fields } of index.chunks) {
    const place = { path, at, byteCount, byteCountMax: byteCount };
    const bytes = readRecord(place, memory);
    const chunk = chunkOver<RawChunk>({ place, fields }, bytes);
    hash.add(chunk);
    const stored = chunkStore.put(chunk);
    // The memory of a chunk that was spilled takes the next one.
    memory = isSpilled(stored) ? bytes : undefined;
    chunks.push(stored);
    rows += chunk.rowCount;
    await yielding();
    pause(rows);
  }
  if (hash.digest() !== fingerprint) return undefined;
  const examples = { rowCount, chunks, levels, types, account, fingerprint };
  return lastId === undefined ? examples : { ...examples, lastId: BigInt(lastId) };
}

/** @returns undefined if the end of the file is not that of a whole one. */
function readIndex(path: string): Index | undefined {
  const { size } = Deno.statSync(path);
  const tail = size - hashBytes - lengthBytes;
  if (tail < 0) return undefined;
  const end = readBytes(path, tail, size);
  const [length] = new Uint32Array(end.slice(hashBytes).buffer);
  if (length > tail) return undefined;
  const json = readBytes(path, tail - length, tail);
  if (sha256(json).toHex() !== end.subarray(0, hashBytes).toHex()) return undefined;
  const index: Index = JSON.parse(new TextDecoder().decode(json));
  return index.levelsEnd === tail - length ? index : undefined;
}

function readLevels(path: string, { levelsAt, levelsEnd, types }: Index): (string | null)[][] {
  const bytes = readBytes(path, levelsAt, levelsEnd);
  const decoder = new TextDecoder();
  const levels: (string | null)[][] = types.map(() => []);
  for (let from = 0; from < bytes.length;) {
    const to = bytes.indexOf(0x0a, from);
    if (to < 0) break;
    const [field, ...some] = JSON.parse(decoder.decode(bytes.subarray(from, to)));
    levels[field]?.push(...some);
    from = to + 1;
  }
  return levels;
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
