import { loadEach } from "../chunks/chunk_store.ts";
import { type ChunkHash, createColumnHash } from "../chunks/kept_chunks.ts";
import type { RawChunk, RawExamples } from "./raw_examples.ts";

/** Returns the SHA-256 of the examples as read, in hexadecimal. It depends on the rows alone, not on how they were loaded. */
export function fingerprintOf({ chunks, levels, fingerprint }: RawExamples): string {
  if (fingerprint !== undefined) return fingerprint;
  const hash = createFingerprint(levels);
  for (const chunk of loadEach(chunks)) hash.add(chunk);
  return hash.digest();
}

/** Computes the fingerprint of examples from their chunks, which are added in order. */
export function createFingerprint(levels: RawExamples["levels"]): ChunkHash<RawChunk> {
  const hash = createColumnHash();
  for (const text of jsonParts(levels)) hash.update(text);
  return {
    add({ numeric, codes, labels, groups, weights, times }: RawChunk): void {
      const others = [weights, times].filter((column) => column !== undefined);
      hash.addColumns([numeric, ...codes, labels, groups, ...others]);
    },
    digest: hash.digest,
  };
}

/** Levels in one part of the JSON, at most: texts of all rows may be longer than the longest string. */
const partLevels = 4_096;

/** Yields the parts of the JSON of the levels. */
function* jsonParts(levels: RawExamples["levels"]): Generator<string> {
  yield "[";
  for (const [field, list] of levels.entries()) {
    yield field === 0 ? "[" : ",[";
    for (let from = 0; from < list.length; from += partLevels) {
      const part = JSON.stringify(list.slice(from, from + partLevels)).slice(1, -1);
      yield from === 0 ? part : `,${part}`;
    }
    yield "]";
  }
  yield "]";
}
