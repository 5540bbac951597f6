import type { ChunkStore } from "../../chunks/chunk_store.ts";
import { loadChunks, writeChunks } from "../../chunks/kept_chunks.ts";
import { parseJsonOfDoubles } from "../../exact_json.ts";
import { createFingerprint } from "../fingerprint.ts";
import type { RawChunk, RawExamples } from "../raw_examples.ts";

/** What is kept of examples besides their chunks and levels. */
interface Head extends Pick<RawExamples, "rowCount" | "types" | "account"> {
  readonly lastId?: string;
}

/** Levels in one line, at most. */
const lineLevels = 4_096;

/**
 * Writes examples to a new file. Levels are lines of JSON, each with a field's index and some of its levels.
 *
 * @param pause Called after each chunk; may throw.
 * @returns Their fingerprint.
 * @throws {Failure} `file-unwritable`.
 */
export async function writeExamples(path: string, raw: RawExamples, pause: () => void): Promise<string> {
  const { chunks, levels, rowCount, types, account, lastId } = raw;
  const head: Head = {
    rowCount,
    types,
    account,
    ...(lastId === undefined ? {} : { lastId: String(lastId) }),
  };
  return await writeChunks(
    path,
    { chunks, head, rest: levelLines(levels), hash: createFingerprint(levels) },
    pause,
  );
}

function* levelLines(levels: RawExamples["levels"]): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  for (const [field, list] of levels.entries()) {
    for (let from = 0; from < list.length; from += lineLevels) {
      yield encoder.encode(`${JSON.stringify([field, ...list.slice(from, from + lineLevels)])}\n`);
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
  let rows = 0;
  const loaded = await loadChunks<RawChunk, Head, RawExamples["levels"]>(path, {
    chunkStore,
    open(bytes, { types }) {
      const levels = levelsIn(bytes, types.length);
      return { rest: levels, hash: createFingerprint(levels) };
    },
    pause: ({ rowCount }) => pause(rows += rowCount),
  });
  if (!loaded) return undefined;
  const { chunks, rest: levels, checksum: fingerprint, head: { lastId, ...head } } = loaded;
  const examples = { ...head, chunks, levels, fingerprint };
  return lastId === undefined ? examples : { ...examples, lastId: BigInt(lastId) };
}

function levelsIn(bytes: Uint8Array, fieldCount: number): (string | null)[][] {
  const decoder = new TextDecoder();
  const levels: (string | null)[][] = Array.from({ length: fieldCount }, () => []);
  for (let from = 0; from < bytes.length;) {
    const to = bytes.indexOf(0x0a, from);
    if (to < 0) break;
    const [field, ...some] = parseJsonOfDoubles(decoder.decode(bytes.subarray(from, to)));
    levels[field]?.push(...some);
    from = to + 1;
  }
  return levels;
}
