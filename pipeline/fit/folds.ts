import { type ChunkStore, createChunkStore } from "../chunks/chunk_store.ts";
import { isSpilled } from "../chunks/chunk_file.ts";
import type { DesignChunk, DesignMatrix } from "../encode/design_matrix.ts";
import { reorder } from "../examples/ordered_chunk.ts";
import { mixed } from "../math/hash.ts";
import { excludedPart, leftOutPart, testPart, trainPart, validationPart } from "../examples/split.ts";
import { type FoldOf, timeFolds } from "./time_folds.ts";

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
  /** The part of the held-out rows. */
  readonly testPart: number;
  /** The part of the rows for early stopping; empty if there are none. */
  readonly validationParts: readonly number[];
}

export interface FoldOptions {
  /** From 2 to `foldCountMax`. */
  readonly foldCount: number;
  readonly seed: number;
  /** How the held-out rows were chosen; default: by group. */
  readonly split?: "time" | "both" | undefined;
  readonly chunkStore?: ChunkStore;
  /** Whether the chunks keep the hashes of the rows' groups, and their times. */
  readonly withGroups?: boolean;
}

/**
 * Divides the training rows among folds as they were divided from the held-out rows: by their group, so that all rows of a group
 * are in one fold, the same one on every machine; or by time, so that each fold is fitted to the rows before those it is scored
 * on. The parts of the result are: the kept rows of each block, the held-out rows, the left-out rows of each block, the rows for early
 * stopping if there are any, the excluded rows.
 *
 * @param design Must have the hashes of the rows' groups, and the parts of `splitInSteps`. Consumed: its chunks' columns
 *   are reordered in place.
 */
export function divideIntoFolds(design: DesignMatrix, options: FoldOptions): FoldedDesign {
  const { foldCount, split, chunkStore = createChunkStore(), withGroups = false } = options;
  const foldOf = split === undefined ? groupFolds(options) : timeFolds(design, { foldCount, split });
  const { blockCount, folds } = foldOf;
  const hasValidation = (design.partRows[validationPart] ?? 0) > 0;
  const hasExcluded = design.partRows.length > excludedPart;
  const partRows = new Array<number>(2 * blockCount + 1 + Number(hasValidation) + Number(hasExcluded)).fill(
    0,
  );
  const chunks = chunkStore.rewrite(
    [...design.chunks],
    (chunk) => divideChunk(chunk, foldOf, { partRows, withGroups, hasValidation }),
  );
  return {
    design: { ...design, chunks, partRows },
    trainParts: Array.from({ length: blockCount }, (_, block) => block),
    testPart: blockCount,
    validationParts: hasValidation ? [2 * blockCount + 1] : [],
    folds: folds.map(({ fittedTo, scoredOn }) => ({
      trainParts: fittedTo,
      scoreParts: [scoredOn, blockCount + 1 + scoredOn],
    })),
  };
}

/**
 * Returns the folded design with the parts of the split: rows that a fold is only scored on count as left out.
 *
 * @param folded As divided by `divideIntoFolds`.
 */
export function withoutFolds({ design, testPart: test, validationParts }: FoldedDesign): DesignMatrix {
  const hasValidation = validationParts.length > 0;
  const hasExcluded = design.partRows.length > 2 * test + 1 + validationParts.length;
  // Ends of the training, held-out, left-out, early-stopping and excluded rows.
  const lasts = [test - 1, test, 2 * test, 2 * test + Number(hasValidation)];
  if (hasExcluded) lasts.push(design.partRows.length - 1);
  const used = hasValidation || hasExcluded ? lasts : lasts.slice(0, 3);
  const endsOf = (ends: readonly number[]) => used.map((last) => ends[last]);
  const sums: number[] = [];
  design.partRows.forEach((rows, part) => sums.push((sums[part - 1] ?? 0) + rows));
  return {
    ...design,
    chunks: design.chunks.map((stored) =>
      isSpilled(stored)
        ? { ...stored, fields: { ...stored.fields, partEnds: endsOf(stored.fields.partEnds) } }
        : { ...stored, partEnds: endsOf(stored.partEnds) }
    ),
    partRows: endsOf(sums).map((end, part, ends) => end - (ends[part - 1] ?? 0)),
  };
}

/** Each fold is scored on one block and fitted to the others. */
function groupFolds({ foldCount, seed }: FoldOptions): FoldOf {
  const salt = mixed(seed + 0x2545f491);
  const all = Array.from({ length: foldCount }, (_, fold) => fold);
  return {
    blockCount: foldCount,
    blockOf: (group) => Math.floor((mixed(group ^ salt) / 2 ** 32) * foldCount),
    isOnlyScored: () => false,
    folds: all.map((fold) => ({ fittedTo: all.filter((other) => other !== fold), scoredOn: fold })),
  };
}

/** @param options.partRows Row counts of the parts, to which the chunk's rows are added. */
function divideChunk(
  { groups, times, ...chunk }: DesignChunk,
  { blockCount, blockOf, isOnlyScored }: FoldOf,
  { partRows, withGroups, hasValidation }: {
    readonly partRows: number[];
    readonly withGroups: boolean;
    readonly hasValidation: boolean;
  },
): DesignChunk {
  if (!groups) throw new Error("the design has no group hashes");
  const rowCount = groups.length;
  const parts = new Uint8Array(rowCount);
  const counts = new Uint32Array(partRows.length);
  for (let i = 0, before = trainPart; i < rowCount; i++) {
    while (i >= chunk.partEnds[before]) before++;
    if (before === testPart) parts[i] = blockCount;
    else if (before === validationPart) parts[i] = 2 * blockCount + 1;
    else if (before === excludedPart) parts[i] = 2 * blockCount + (hasValidation ? 2 : 1);
    else {
      const block = blockOf(groups[i], times ? times[i] : NaN);
      const isLeftOut = before === leftOutPart || isOnlyScored(groups[i], block);
      parts[i] = isLeftOut ? blockCount + 1 + block : block;
    }
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
  if (!withGroups) return { ...chunk, partEnds };
  for (const column of times ? [groups, times] : [groups]) reorder(column, target);
  return { ...chunk, partEnds, groups, ...(times ? { times } : {}) };
}
