import type { StoredChunk } from "../../chunks/chunk_file.ts";
import { type ChunkStore, type ColumnMaker, loadEach } from "../../chunks/chunk_store.ts";
import type { DesignChunk, DesignMatrix } from "../../encode/design_matrix.ts";
import { createPredictionAccumulator } from "../../evaluate/prediction_accumulator.ts";
import { reorder } from "../../examples/ordered_chunk.ts";
import { trainPart } from "../../examples/split.ts";
import { fit } from "../../fit/fit.ts";
import { forLogits } from "../../fit/logits.ts";
import type { OutOfFold } from "../../fit/tables/found_model.ts";
import { probabilityOf } from "../../model/predictor.ts";
import type { Threads } from "../../runtime/thread_pool.ts";
import { type HyperParameters, penaltyOf } from "../hyper_parameters.ts";

export interface PlainLossOptions {
  readonly hyperParameters: HyperParameters;
  /** Click rate of the training rows. */
  readonly baseRate: number;
  /** Added to the log-odds of a fit: see `classShift`. */
  readonly shift: number;
  readonly threads: Threads;
  readonly chunkStore: ChunkStore;
  readonly signal?: AbortSignal | undefined;
  readonly observe?: ((fold: number, folds: number) => void) | undefined;
}

/** How good predictions of rows are that a model was not fitted to. */
export interface OutOfFoldQuality {
  readonly logLoss: number;
  readonly ece: number;
}

/**
 * Fits the plain spec to the rows that the tables of each fold were fitted to, and measures it on those that they were measured on.
 *
 * @param design Of the plain spec; it is copied.
 * @throws {Failure} as `fit`.
 */
export async function plainQuality(
  design: DesignMatrix,
  outOfFold: OutOfFold,
  options: PlainLossOptions,
): Promise<OutOfFoldQuality> {
  const { hyperParameters, baseRate, shift, threads, chunkStore, signal, observe } = options;
  const { folds } = outOfFold;
  const { divided, fittedParts, scoredParts } = divide(design, outOfFold, chunkStore);
  const predictions = createPredictionAccumulator(design.partRows[trainPart]);
  for (const [f, fold] of folds.entries()) {
    observe?.(f, folds.length);
    const { coefficients } = await fit(divided, fittedParts(fold.fittedTo), threads, {
      penalty: penaltyOf(hyperParameters),
      solver: hyperParameters.solver,
      gradientTolerance: hyperParameters.tolerance,
      iterationsMax: hyperParameters.iterationsMax,
      fixedAtZero: [],
      checkpoint: () => signal?.throwIfAborted(),
    });
    forLogits(divided, scoredParts(fold.scoredOn), coefficients, (chunk, from, to, logits) => {
      for (let i = 0; i < logits.length; i++) logits[i] = probabilityOf(logits[i] + shift);
      predictions.add(chunk, from, to, logits);
    });
  }
  const { log_loss: logLoss, ece } = predictions.metrics(baseRate);
  return { logLoss, ece };
}

/** Rows of the blocks from this one on are only scored: see `divideRows` of fit/tables/row_folds.ts. */
const onlyScored = 64;

/** Divides a copy of the training rows into parts by their block, and by whether they are scored; all other rows are the last part. */
function divide(design: DesignMatrix, { blocks, logits }: OutOfFold, chunkStore: ChunkStore) {
  const keyOf = (row: number) => 2 * blocks[row] + (logits[row] === logits[row] ? 1 : 0);
  const found = new Set<number>();
  for (let row = 0; row < blocks.length; row++) found.add(keyOf(row));
  const keys = [...found].sort((a, b) => a - b);
  const partOf = new Map(keys.map((key, part) => [key, part]));
  const partRows = new Array<number>(keys.length + 1).fill(0);
  let before = 0;
  const chunks: StoredChunk<DesignChunk>[] = [];
  for (const chunk of loadEach(design.chunks)) {
    const trainRows = chunk.partEnds[trainPart];
    const parts = Uint8Array.from(
      chunk.labels,
      (_, i) => i < trainRows ? partOf.get(keyOf(before + i)) ?? keys.length : keys.length,
    );
    before += trainRows;
    chunks.push(chunkStore.put(copyByPart(chunk, parts, partRows, chunkStore.columns)));
  }
  const partsWhere = (holds: (block: number, isScored: boolean) => boolean) =>
    keys.flatMap((key, part) => holds(key >> 1, key % 2 === 1) && partRows[part] > 0 ? [part] : []);
  const divided = { ...design, chunks, partRows };
  return {
    divided,
    fittedParts: (fittedTo: readonly number[]) => partsWhere((block) => fittedTo.includes(block)),
    scoredParts: (scoredOn: number) =>
      partsWhere((block, isScored) => isScored && (block === scoredOn || block === scoredOn + onlyScored)),
  };
}

/** @param partRows Row counts of the parts, to which the chunk's rows are added. */
function copyByPart(
  { labels, weights, fitWeights, numeric, cells }: DesignChunk,
  parts: Uint8Array,
  partRows: number[],
  columns: ColumnMaker,
): DesignChunk {
  const next = new Uint32Array(partRows.length);
  for (const part of parts) next[part]++;
  const partEnds: number[] = [];
  next.forEach((count, part) => {
    partRows[part] += count;
    next[part] = partEnds.at(-1) ?? 0;
    partEnds.push(next[part] + count);
  });
  const target = Uint32Array.from(parts, (part) => next[part]++);
  const copy = {
    labels: columns.uint8(labels.length),
    numeric: columns.float64(numeric.length),
    cells: cells.map((own) =>
      own instanceof Uint16Array ? columns.uint16(own.length) : columns.uint32(own.length)
    ),
    ...(weights ? { weights: columns.float64(weights.length) } : {}),
    ...(fitWeights ? { fitWeights: columns.float64(fitWeights.length) } : {}),
  };
  copy.labels.set(labels);
  copy.numeric.set(numeric);
  copy.cells.forEach((own, i) => own.set(cells[i]));
  if (weights) copy.weights?.set(weights);
  if (fitWeights) copy.fitWeights?.set(fitWeights);
  const ofWeights = [copy.weights, copy.fitWeights].filter((column) => column !== undefined);
  for (const column of [copy.labels, copy.numeric, ...copy.cells, ...ofWeights]) reorder(column, target);
  return { ...copy, partEnds };
}
