import { createHash } from "node:crypto";
import { loadEach } from "../chunks/chunk_loader.ts";
import type { RawExamples } from "./raw_examples.ts";

/** SHA-256 of the examples as they were read, hexadecimal: the same rows give the same one, however they came in. */
export function fingerprintOf({ chunks, levels }: RawExamples): string {
  const hash = createHash("sha256").update(JSON.stringify(levels));
  for (const { numeric, codes, labels, groups, weights } of loadEach(chunks)) {
    for (const column of [numeric, ...codes, labels, groups, ...(weights ? [weights] : [])]) {
      // A copy: the hash does not take shared memory.
      hash.update(new Uint8Array(new Uint8Array(column.buffer, column.byteOffset, column.byteLength)));
    }
  }
  return hash.digest("hex");
}
