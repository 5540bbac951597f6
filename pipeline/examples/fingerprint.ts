import { createHash } from "node:crypto";
import { loadEach } from "../chunks/chunk_store.ts";
import type { RawExamples } from "./raw_examples.ts";

/** SHA-256 of the examples as they were read, hexadecimal: the same rows give the same one, however they came in. */
export function fingerprintOf({ chunks, levels }: RawExamples): string {
  const hash = createHash("sha256").update(JSON.stringify(levels));
  // The hash does not take shared memory. One copy for all columns: as garbage they would be another data set.
  let copy = new Uint8Array();
  for (const { numeric, codes, labels, groups, weights } of loadEach(chunks)) {
    for (const column of [numeric, ...codes, labels, groups, ...(weights ? [weights] : [])]) {
      const { buffer, byteOffset, byteLength } = column;
      if (copy.length < byteLength) copy = new Uint8Array(byteLength);
      copy.set(new Uint8Array(buffer, byteOffset, byteLength));
      hash.update(copy.subarray(0, byteLength));
    }
  }
  return hash.digest("hex");
}
