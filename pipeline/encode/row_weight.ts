import { createLoader } from "../chunks/chunk_loader.ts";
import { isSpilled, plainFields, type StoredChunk } from "../chunks/stored_chunk.ts";
import { type DesignChunk, forRuns } from "./design_matrix.ts";

/** Sum of the weights of some chunks' rows of the wanted parts. */
export function weightOf(chunks: readonly StoredChunk<DesignChunk>[], parts: readonly number[]): number {
  const loader = createLoader();
  let sum = 0;
  for (const stored of chunks) {
    const { weights } = isSpilled(stored) ? stored.fields : stored;
    if (weights === undefined) forRuns(plainFields(stored), parts, (from, to) => sum += to - from);
    else {
      const chunk = loader.load(stored);
      forRuns(chunk, parts, (from, to) => {
        for (let i = from; i < to; i++) sum += chunk.weights?.[i] ?? 1;
      });
    }
  }
  return sum;
}
