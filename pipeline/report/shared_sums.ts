import { loadEach } from "../chunks/chunk_store.ts";
import { type DesignChunk, type DesignMatrix, forRowRanges } from "../encode/design_matrix.ts";
import { forKnownProbabilities, type RowProbabilities } from "../fit/row_probabilities.ts";
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
  /** Of the same parts: they are summed, too. */
  readonly known?: RowProbabilities;
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
    shares.push(sumsOfShare(job, { index, count }));
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
    () => [sumsOfShare(job, own, use), ...collectShares(job)],
  );
  return joinShares(rows.design, shares.flat());
}

function sumsOfShare(rows: SummedRows, share: ColumnShare, use?: UseRows): ShareSums {
  const { add, sums } = createShareSums(rows.design, rows.bins, rows.coefficients, share);
  walkRows(rows, (chunk, from, to, probabilities) => {
    add(chunk, from, to, probabilities);
    use?.(chunk, from, to, probabilities);
  });
  return sums;
}

function walkRows({ design, parts, known }: SummedRows, use: UseRows): void {
  if (known) return forKnownProbabilities(design, known, use);
  for (const chunk of loadEach(design.chunks)) forRowRanges(chunk, parts, (from, to) => use(chunk, from, to));
}
