import { plainFields } from "../chunks/chunk_file.ts";
import { loadEach } from "../chunks/chunk_store.ts";
import { type DesignChunk, type DesignMatrix, forRowRanges, rowsOf } from "../encode/design_matrix.ts";
import { sharedFloat64, sharedInt32 } from "../runtime/shared_memory.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";
import { chunkRangesOf } from "./chunk_ranges.ts";
import { type EvaluatedModel, forProbabilities } from "./evaluate.ts";
import { layoutOf } from "./sums_layout.ts";

/** The probabilities of the rows of some parts, which are computed once for all that is evaluated. */
export interface RowProbabilities {
  readonly parts: readonly number[];
  /** Shape (rows of the parts), in the order of `forRowRanges`. */
  readonly values: Float64Array<SharedArrayBuffer>;
}

/** Computes probabilities. Threads take ranges of chunks in turn: each row's is the same on any thread. */
export interface ProbabilitiesJob extends Job, RowProbabilities {
  readonly kind: "probabilities";
  readonly design: DesignMatrix;
  readonly model: EvaluatedModel;
  /** Shape (1): the next range that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** Does a thread's part of a job. */
export function computeProbabilities({ design, parts, model, values, next }: ProbabilitiesJob): void {
  const ranges = chunkRangesOf(design.chunks, layoutOf(design, false).length);
  const starts = [0];
  for (const range of ranges) starts.push(starts[starts.length - 1] + countRows(range, parts));
  for (let i = Atomics.add(next, 0, 1); i < ranges.length; i = Atomics.add(next, 0, 1)) {
    let at = starts[i];
    forProbabilities({ ...design, chunks: ranges[i] }, parts, model, (_chunk, _from, _to, own) => {
      values.set(own, at);
      at += own.length;
    });
  }
}

function countRows(chunks: DesignMatrix["chunks"], parts: readonly number[]): number {
  let count = 0;
  for (const stored of chunks) {
    forRowRanges(plainFields(stored), parts, (from, to) => count += to - from);
  }
  return count;
}

/** Computes a model's probabilities of the rows of some parts on all threads. */
export async function probabilitiesOf(
  design: DesignMatrix,
  parts: readonly number[],
  model: EvaluatedModel,
  threads: Threads,
): Promise<RowProbabilities> {
  const values = sharedFloat64(rowsOf(design, parts));
  const job: ProbabilitiesJob = {
    ...{ kind: "probabilities", design, parts, values, next: sharedInt32(1) },
    // No more of a fit than is needed is copied to threads.
    model: { coefficients: model.coefficients, network: model.network, calibration: model.calibration },
  };
  await threads.run(job, () => computeProbabilities(job));
  return { parts, values };
}

/** Calls `use` with each range of rows and their probabilities, as `forProbabilities` does. */
export function forKnownProbabilities(
  design: Pick<DesignMatrix, "chunks">,
  { parts, values }: RowProbabilities,
  use: (chunk: DesignChunk, from: number, to: number, probabilities: Float64Array) => void,
): void {
  let at = 0;
  for (const chunk of loadEach(design.chunks)) {
    forRowRanges(chunk, parts, (from, to) => use(chunk, from, to, values.subarray(at, at += to - from)));
  }
}
