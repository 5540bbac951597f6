import { isSpilled } from "../chunks/chunk_file.ts";
import { loadEach } from "../chunks/chunk_store.ts";
import { type DesignChunk, type DesignMatrix, forRowRanges } from "../encode/design_matrix.ts";
import { evaluateByTime } from "../fit/evaluate_by_time.ts";
import { forKnownProbabilities, type RowProbabilities } from "../fit/row_probabilities.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";
import type { ColumnSums } from "./column_sums.ts";
import { type ColumnShare, createShareSums, joinShares, type ShareSums } from "./design_sums.ts";
import type { NumberBins } from "./number_bins.ts";

/** Rows whose sums are collected: plain data over shared memory, which can be posted to other threads. */
export interface SummedRows {
  readonly design: DesignMatrix;
  readonly bins: readonly NumberBins[];
  /** Shape (columns) or longer. */
  readonly coefficients: Float64Array;
  /** Of the evaluated rows: they are summed, too. */
  readonly known: RowProbabilities;
  /** Parts of other rows to be summed, whose probabilities are not known. */
  readonly others?: readonly number[];
  /** Weighted click rate of the training rows, if metrics of the evaluated rows are wanted. */
  readonly baseRate?: number | undefined;
}

/** Computes metrics, and the sums of shares of the columns. Each thread walks all rows for what it takes. */
export interface SumsJob extends Job, SummedRows {
  readonly kind: "reportSums";
  readonly shareCount: number;
  /** Shape (1): the next task that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** What one thread has computed. */
export interface ThreadSums {
  readonly evaluated: ShareSums[];
  readonly others: ShareSums[];
  metrics?: Metrics;
}

/** Does a thread's part of a job. */
export function collectSums(job: SumsJob): ThreadSums {
  const { next } = job;
  const tasks = tasksOf(job);
  const sums: ThreadSums = { evaluated: [], others: [] };
  for (let task = Atomics.add(next, 0, 1); task < tasks.length; task = Atomics.add(next, 0, 1)) {
    tasks[task](sums);
  }
  return sums;
}

function tasksOf(job: SumsJob): ((sums: ThreadSums) => void)[] {
  const { design, known, baseRate, others, shareCount: count } = job;
  const shares = Array.from({ length: count }, (_, index) => ({ index, count }));
  return [
    // First, since it takes longest.
    ...baseRate === undefined ? [] : [(sums: ThreadSums) => {
      sums.metrics = evaluateByTime(design, known, baseRate);
    }],
    ...shares.map((share) => ({ evaluated }: ThreadSums) => {
      evaluated.push(sumsOfShare(job, share, (use) => forKnownProbabilities(design, known, use)));
    }),
    ...(others ? shares : []).map((share) => (sums: ThreadSums) => {
      sums.others.push(sumsOfShare(job, share, (use) => forRows(design, others ?? [], use)));
    }),
  ];
}

/** The sums of all rows. */
export interface CollectedSums {
  readonly evaluated: ColumnSums;
  readonly others: ColumnSums | undefined;
  readonly metrics: Metrics | undefined;
}

/**
 * Collects the sums of rows on all threads. No sum is divided: their order, and so their bits, are those of one thread.
 *
 * @param meanwhile Work of the calling thread, before it takes part.
 */
export async function sumsByThreads(
  rows: SummedRows,
  threads: Threads,
  meanwhile: () => void,
): Promise<CollectedSums> {
  const { design: { chunks, groups }, bins, others } = rows;
  // More shares than threads, since one of these computes metrics; but each share reads all chunks.
  const wanted = chunks.some(isSpilled) ? threads.count : 2 * threads.count;
  const shareCount = Math.max(1, Math.min(wanted, Math.max(groups.length, bins.length)));
  const job: SumsJob = { kind: "reportSums", ...rows, shareCount, next: sharedInt32(1) };
  const found = await threads.run(job, () => {
    meanwhile();
    return collectSums(job);
  });
  return {
    evaluated: joinShares(rows.design, found.flatMap(({ evaluated }) => evaluated)),
    others: others && joinShares(rows.design, found.flatMap(({ others }) => others)),
    metrics: found.find(({ metrics }) => metrics)?.metrics,
  };
}

type UseRows = (chunk: DesignChunk, from: number, to: number, probabilities?: Float64Array) => void;

/** @param walk Calls `use` with all rows in order. */
function sumsOfShare(
  { design, bins, coefficients }: SummedRows,
  share: ColumnShare,
  walk: (use: UseRows) => void,
): ShareSums {
  const { add, sums } = createShareSums(design, bins, coefficients, share);
  walk(add);
  return sums;
}

function forRows(design: DesignMatrix, parts: readonly number[], use: UseRows): void {
  for (const chunk of loadEach(design.chunks)) forRowRanges(chunk, parts, (from, to) => use(chunk, from, to));
}
