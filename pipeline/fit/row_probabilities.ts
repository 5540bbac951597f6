import { plainFields, type StoredChunk } from "../chunks/chunk_file.ts";
import { createChunkStore, createLoader, loadEach } from "../chunks/chunk_store.ts";
import type { MemoryBudget } from "../chunks/memory_budget.ts";
import { type DesignChunk, type DesignMatrix, forRowRanges, rowsOf } from "../encode/design_matrix.ts";
import { sharedFloat64, sharedInt32 } from "../runtime/shared_memory.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";
import { chunkRangesOf } from "./chunk_ranges.ts";
import { type EvaluatedModel, forProbabilities } from "./evaluate.ts";
import { layoutOf } from "./sums_layout.ts";

/** The probabilities of the rows of some parts, which are computed once for all that is evaluated. */
export interface RowProbabilities {
  readonly parts: readonly number[];
  readonly rowCount: number;
  /** Those of each chunk of the design. */
  readonly chunks: readonly StoredChunk<ChunkProbabilities>[];
}

interface ChunkProbabilities {
  /** Shape (rows of the parts in the chunk), in the order of `forRowRanges`. */
  readonly values: Float64Array<SharedArrayBuffer>;
}

/** Computes probabilities. Threads take ranges of chunks in turn: each row's is the same on any thread. */
export interface ProbabilitiesJob extends Job {
  readonly kind: "probabilities";
  readonly design: DesignMatrix;
  readonly parts: readonly number[];
  readonly model: EvaluatedModel;
  readonly budget: MemoryBudget | undefined;
  /** Shape (1): the next range that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

interface RangeProbabilities extends Pick<RowProbabilities, "chunks"> {
  readonly range: number;
}

/** Does a thread's part of a job. */
export function computeProbabilities(job: ProbabilitiesJob): RangeProbabilities[] {
  const { design, next, budget } = job;
  const ranges = chunkRangesOf(design.chunks, layoutOf(design, false).length);
  const chunkStore = createChunkStore(budget);
  const found: RangeProbabilities[] = [];
  for (let range = Atomics.add(next, 0, 1); range < ranges.length; range = Atomics.add(next, 0, 1)) {
    const filling = fillChunks(ranges[range], job.parts, {
      create: chunkStore.columns.float64,
      put: (values) => chunkStore.put({ values }),
    });
    forProbabilities(
      { ...design, chunks: ranges[range] },
      job.parts,
      job.model,
      (_chunk, _from, _to, own) => {
        filling.add(own);
      },
    );
    found.push({ range, chunks: filling.chunks });
  }
  return found;
}

/** Divides the probabilities of consecutive rows by chunks of the design. */
function fillChunks(
  chunks: DesignMatrix["chunks"],
  parts: readonly number[],
  { create, put }: {
    readonly create: (length: number) => ChunkProbabilities["values"];
    readonly put: (values: ChunkProbabilities["values"]) => StoredChunk<ChunkProbabilities>;
  },
) {
  const filled: StoredChunk<ChunkProbabilities>[] = [];
  const begin = () => create(filled.length < chunks.length ? countRows(chunks[filled.length], parts) : 0);
  let values = begin();
  let at = 0;
  /** Goes to the next chunk that has rows. */
  const endFull = () => {
    while (filled.length < chunks.length && at === values.length) {
      filled.push(put(values));
      values = begin();
      at = 0;
    }
  };
  endFull();
  return {
    chunks: filled as readonly StoredChunk<ChunkProbabilities>[],
    /** Adds probabilities of one chunk's rows. */
    add(own: Float64Array): void {
      values.set(own, at);
      at += own.length;
      endFull();
    },
  };
}

function countRows(stored: DesignMatrix["chunks"][number], parts: readonly number[]): number {
  let count = 0;
  forRowRanges(plainFields(stored), parts, (from, to) => count += to - from);
  return count;
}

/**
 * Computes a model's probabilities of the rows of some parts on all threads.
 *
 * @param resources.budget Of the design's chunks: what exceeds it is in files.
 */
export async function probabilitiesOf(
  design: DesignMatrix,
  parts: readonly number[],
  model: EvaluatedModel,
  { threads, budget }: { readonly threads: Threads; readonly budget?: MemoryBudget | undefined },
): Promise<RowProbabilities> {
  const job: ProbabilitiesJob = {
    ...{ kind: "probabilities", design, parts, budget, next: sharedInt32(1) },
    // No more of a fit than is needed is copied to threads.
    model: { coefficients: model.coefficients, network: model.network, calibration: model.calibration },
  };
  const found = (await threads.run(job, () => computeProbabilities(job))).flat();
  const chunks = found.sort((a, b) => a.range - b.range).flatMap(({ chunks }) => chunks);
  return { parts, rowCount: rowsOf(design, parts), chunks };
}

/** Collects probabilities that are computed chunk by chunk of a design, in memory. */
export function collectProbabilities(design: DesignMatrix, parts: readonly number[]) {
  const { chunks, add } = fillChunks(design.chunks, parts, {
    create: sharedFloat64,
    put: (values) => ({ values }),
  });
  return { add, known: { parts, rowCount: rowsOf(design, parts), chunks } satisfies RowProbabilities };
}

/** Calls `use` with each range of rows and their probabilities, as `forProbabilities` does. */
export function forKnownProbabilities(
  design: Pick<DesignMatrix, "chunks">,
  { parts, chunks }: RowProbabilities,
  use: (chunk: DesignChunk, from: number, to: number, probabilities: Float64Array) => void,
): void {
  const loader = createLoader();
  let index = 0;
  for (const chunk of loadEach(design.chunks)) {
    const { values } = loader.load(chunks[index++]);
    let at = 0;
    forRowRanges(chunk, parts, (from, to) => use(chunk, from, to, values.subarray(at, at += to - from)));
  }
}
