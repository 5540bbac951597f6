import { loadEach } from "../chunks/chunk_store.ts";
import { type DesignChunk, type DesignMatrix, forRowRanges } from "../encode/design_matrix.ts";
import { type EvaluatedModel, forProbabilities } from "../fit/evaluate.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";
import type { ColumnSums } from "./column_sums.ts";
import { type ColumnShare, createShareSums, joinShares, type ShareSums } from "./design_sums.ts";
import type { NumberBins } from "./number_bins.ts";

/** Rows whose sums are collected: plain data over shared memory, which can be posted to other threads. */
export interface SummedRows {
  readonly design: DesignMatrix;
  readonly parts: readonly number[];
  readonly bins: readonly NumberBins[];
  /** Shape (columns) or longer. */
  readonly coefficients: Float64Array;
  /** The model whose probabilities are summed, too. */
  readonly model?: EvaluatedModel;
}

/** Called with rows from … to − 1 of a chunk, and their probabilities if they are known, shape (to − from). */
export type UseRows = (chunk: DesignChunk, from: number, to: number, probabilities?: Float64Array) => void;

/** Collects the sums of shares of the columns. Each thread walks all rows for its shares. */
export interface SumsJob extends Job, SummedRows {
  readonly kind: "reportSums";
  readonly shareCount: number;
  /** Shape (1): the next share that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** Does a thread's part of a job. */
export function collectShares(job: SumsJob): ShareSums[] {
  const { shareCount: count, next } = job;
  const shares: ShareSums[] = [];
  for (let index = Atomics.add(next, 0, 1); index < count; index = Atomics.add(next, 0, 1)) {
    shares.push(sumsOfShare(job, { index, count }, (use) => walkRows(job, use)));
  }
  return shares;
}

/**
 * Collects the sums of rows on all threads. No sum is divided: their order, and so their bits, are those of one thread.
 *
 * @param use Called with all rows in order, on the calling thread.
 */
export async function sumsByThreads(
  rows: SummedRows,
  threads: Threads,
  use?: UseRows,
): Promise<ColumnSums> {
  const next = sharedInt32(1);
  // The first share is the calling thread's.
  next[0] = 1;
  const { count } = threads;
  const job: SumsJob = { kind: "reportSums", ...rows, shareCount: count, next };
  const own = { index: 0, count };
  const shares = await threads.run(
    job,
    () => [sumsOfShare(job, own, (add) => walkRows(job, add), use), ...collectShares(job)],
  );
  return joinShares(rows.design, shares.flat());
}

/** Collects the sums of all columns on the calling thread. @param walk Calls a function with all rows in order. */
export function sumsOfRows(
  rows: Omit<SummedRows, "parts" | "model">,
  walk: (use: UseRows) => void,
  use?: UseRows,
): ColumnSums {
  return joinShares(rows.design, [sumsOfShare(rows, { index: 0, count: 1 }, walk, use)]);
}

function sumsOfShare(
  { design, bins, coefficients }: Omit<SummedRows, "parts" | "model">,
  share: ColumnShare,
  walk: (use: UseRows) => void,
  use?: UseRows,
): ShareSums {
  const { add, sums } = createShareSums(design, bins, coefficients, share);
  walk((chunk, from, to, probabilities) => {
    add(chunk, from, to, probabilities);
    use?.(chunk, from, to, probabilities);
  });
  return sums;
}

function walkRows({ design, parts, model }: SummedRows, use: UseRows): void {
  if (model) return forProbabilities(design, parts, model, use);
  for (const chunk of loadEach(design.chunks)) forRowRanges(chunk, parts, (from, to) => use(chunk, from, to));
}
