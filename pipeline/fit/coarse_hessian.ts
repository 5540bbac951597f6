import { plainFields } from "../chunks/chunk_file.ts";
import type { ChunkLoader } from "../chunks/chunk_store.ts";
import { type DesignMatrix, forRowRanges, rowsOf } from "../encode/design_matrix.ts";
import { sharedFloat64, sharedInt32 } from "../runtime/shared_memory.ts";
import type { Job } from "../runtime/thread_pool.ts";
import { chunkRangeCount, chunkRangesOf, totalOf } from "./chunk_ranges.ts";
import { expandSums, hessianOf, passPoint } from "./objective.ts";
import { createRowKernel } from "./row_kernel.ts";
import { layoutOf } from "./sums_layout.ts";

/** Fewer columns for the cells and numbers of a design: several columns of it may be one. */
export type CoarseColumns = Pick<DesignMatrix, "columnCount" | "numericColumns" | "groups">;

/** Rows from which a coarse Hessian is estimated: the first ones of each chunk. */
const coarseRows = 65_536;

/** Adds up the Hessian over coarser columns of a sample of the rows. */
export interface CoarseJob extends Job {
  readonly kind: "coarse";
  readonly parts: readonly number[];
  readonly coarse: CoarseColumns;
  /** Of the columns as they are, shape (columns + 1), intercept last. */
  readonly coefficients: Float64Array;
  /** Of the rows of each chunk's parts. */
  readonly share: number;
  /** Shape (1): the next chunk range that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
  /** Overwritten, shape (chunk ranges, layout.length). */
  readonly sums: Float64Array<SharedArrayBuffer>;
}

export function coarseJobOf(
  design: DesignMatrix,
  of: Pick<CoarseJob, "parts" | "coarse" | "coefficients">,
): CoarseJob {
  const { length } = layoutOf({ ...design, ...of.coarse }, "columns");
  const share = Math.min(1, coarseRows / rowsOf(design, of.parts));
  const sums = sharedFloat64(chunkRangeCount(design.chunks.length, length) * length);
  return { kind: "coarse", ...of, share, next: sharedInt32(1), sums };
}

/** Does a thread's part of a job. @param design As of the job, with its chunks. */
export function addCoarse(
  design: DesignMatrix,
  loader: ChunkLoader,
  { parts, coarse, coefficients, share, next, sums }: CoarseJob,
): void {
  const columns = { ...design, ...coarse };
  const kernel = createRowKernel(columns, "columns");
  const layout = layoutOf(columns, "columns");
  const ranges = chunkRangesOf(design.chunks, layout.length);
  // The cells are those of the design.
  kernel.setPoint(passPoint(design, coefficients));
  for (let i = Atomics.add(next, 0, 1); i < ranges.length; i = Atomics.add(next, 0, 1)) {
    kernel.clear(layout);
    for (const stored of ranges[i]) {
      const chunk = loader.load(stored);
      forRowRanges(chunk, parts, (from, to) => kernel.add(chunk, from, sampleEnd(from, to, share)));
    }
    sums.set(kernel.sums(), i * layout.length);
  }
}

/**
 * Computes the Hessian from the sums of a job that all threads have done.
 *
 * @param weight Of all rows.
 * @returns Of the mean loss, shape (coarse columns + 1, coarse columns + 1), intercept last.
 */
export function coarseHessianOf(
  design: DesignMatrix,
  { parts, coarse, share, sums }: CoarseJob,
  weight: number,
): Float64Array {
  const columns = { ...design, ...coarse };
  const layout = layoutOf(columns, "columns");
  const sampled = (weight / rowsOf(design, parts)) * sampledRows(design, parts, share);
  return hessianOf(expandSums(columns, layout, totalOf(sums, layout.length))).map((sum) => sum / sampled);
}

/** Returns how many rows of the parts a sample of each chunk has. */
function sampledRows({ chunks }: DesignMatrix, parts: readonly number[], share: number): number {
  let rows = 0;
  for (const chunk of chunks) {
    forRowRanges(plainFields(chunk), parts, (from, to) => rows += sampleEnd(from, to, share) - from);
  }
  return rows;
}

/** Returns the end of the first rows of a range. */
function sampleEnd(from: number, to: number, share: number): number {
  return from + Math.ceil((to - from) * share);
}
