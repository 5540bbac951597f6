import { type ChunkStore, createChunkStore } from "../chunks/chunk_store.ts";
import type { DesignChunk, DesignMatrix } from "../encode/design_matrix.ts";
import { reorder } from "../examples/ordered_chunk.ts";
import { mixed } from "../math/hash.ts";
import { leftOutPart, testPart, trainPart } from "../examples/split.ts";

/** Maximum number of folds: a row's part is stored in a byte. */
export const foldCountMax = 50;

/** The parts of a design that a fold is fitted to and scored on. */
export interface Fold {
  readonly trainParts: readonly number[];
  /** Include the rows that sampling left out of training, so that the score is on the original distribution. */
  readonly scoreParts: readonly number[];
}

/** A design whose training rows are divided into folds. */
export interface FoldedDesign {
  readonly design: DesignMatrix;
  readonly folds: readonly Fold[];
  /** Parts of all training rows, one per fold. */
  readonly trainParts: readonly number[];
}

/**
 * Divides the training rows among folds by their group: all rows of a group are in one fold, the same one on every
 * machine. The parts of the result are: the kept rows of each fold, the held-out rows, the left-out rows of each fold.
 *
 * @param design Must have the hashes of the rows' groups, and the parts of `trainTestSplit`. Consumed: its chunks' columns
 *   are reordered in place, and the hashes dropped.
 * @param options.foldCount From 2 to `foldCountMax`.
 */
export function divideIntoFolds(
  design: DesignMatrix,
  options: { foldCount: number; seed: number; chunkStore?: ChunkStore },
): FoldedDesign {
  const { foldCount, seed, chunkStore = createChunkStore() } = options;
  const salt = mixed(seed + 0x2545f491);
  const foldOf = (group: number) => Math.floor((mixed(group ^ salt) / 2 ** 32) * foldCount);
  const partCount = 2 * foldCount + 1;
  const partRows = new Array<number>(partCount).fill(0);
  const chunks = chunkStore.rewrite(
    [...design.chunks],
    (chunk) => divideChunk(chunk, foldOf, partRows, foldCount),
  );
  const all = Array.from({ length: foldCount }, (_, fold) => fold);
  return {
    design: { ...design, chunks, partRows },
    trainParts: all,
    folds: all.map((fold) => ({
      trainParts: all.filter((other) => other !== fold),
      scoreParts: [fold, foldCount + 1 + fold],
    })),
  };
}

/** @param partRows Row counts of the parts, to which the chunk's rows are added. */
function divideChunk(
  { groups, ...chunk }: DesignChunk,
  foldOf: (group: number) => number,
  partRows: number[],
  foldCount: number,
): DesignChunk {
  if (!groups) throw new Error("the design has no group hashes");
  const rowCount = groups.length;
  const parts = new Uint8Array(rowCount);
  const counts = new Uint32Array(partRows.length);
  for (let i = 0, before = trainPart; i < rowCount; i++) {
    while (i >= chunk.partEnds[before]) before++;
    const fold = before === testPart ? 0 : foldOf(groups[i]);
    parts[i] = before === testPart ? foldCount : before === leftOutPart ? foldCount + 1 + fold : fold;
    counts[parts[i]]++;
  }
  const next = new Uint32Array(counts.length);
  const partEnds: number[] = [];
  for (let part = 0, end = 0; part < counts.length; part++) {
    next[part] = end;
    end += counts[part];
    partEnds.push(end);
    partRows[part] += counts[part];
  }
  const target = new Uint32Array(rowCount);
  for (let i = 0; i < rowCount; i++) target[i] = next[parts[i]]++;
  const { numeric, cells, labels, weights, fitWeights } = chunk;
  const weightColumns = [weights, fitWeights].filter((column) => column !== undefined);
  for (const column of [numeric, ...cells, labels, ...weightColumns]) reorder(column, target);
  return { ...chunk, partEnds };
}
