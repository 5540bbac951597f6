import { createLoader } from "../chunks/chunk_store.ts";
import { isSpilled, plainFields, type StoredChunk } from "../chunks/chunk_file.ts";
import { type DesignChunk, fitWeightsOf, forRowRanges } from "./design_matrix.ts";
import type { OrderedChunk } from "../examples/ordered_chunk.ts";
import { trainPart } from "../examples/split.ts";

/** Returns the sum of the fit weights of the chunks' rows of the given parts. */
export function weightOf(chunks: readonly StoredChunk<DesignChunk>[], parts: readonly number[]): number {
  const loader = createLoader();
  let sum = 0;
  for (const stored of chunks) {
    const { weights, fitWeights = weights } = isSpilled(stored) ? stored.fields : stored;
    if (fitWeights === undefined) forRowRanges(plainFields(stored), parts, (from, to) => sum += to - from);
    else {
      const chunk = loader.load(stored);
      const own = fitWeightsOf(chunk);
      forRowRanges(chunk, parts, (from, to) => {
        for (let i = from; i < to; i++) sum += own?.[i] ?? 1;
      });
    }
  }
  return sum;
}

/** Returns the weights of a chunk's training rows. @throws {Error} if the chunk has no weights. */
export function trainWeights({ weights, partEnds }: OrderedChunk): Float64Array {
  if (!weights) throw new Error("the chunk has no weights");
  return weights.subarray(0, partEnds[trainPart]);
}

/** Returns the sum of the weights of a chunk's training rows: their count if each counts once. */
export function trainWeightOf(chunk: OrderedChunk): number {
  return chunk.weights === undefined
    ? chunk.partEnds[trainPart]
    : trainWeights(chunk).reduce((sum, weight) => sum + weight, 0);
}
