import { sharedInt32 } from "../runtime/shared_memory.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";
import type { ColumnProfile } from "./column_profile.ts";
import { type FileSample, openSample } from "./parquet_sample.ts";
import { typedColumns } from "./typed_columns.ts";

/** The rows of a parquet file that were looked at, and the profiles of the columns that can be read. */
export interface ParquetLook {
  readonly sample: FileSample;
  readonly columns: readonly ColumnProfile[];
}

/** Looks at a parquet file. Threads take the next block of columns in turn. */
export interface LookJob extends Job {
  readonly kind: "look";
  readonly path: string;
  readonly blockCount: number;
  /** Shape (1): the next block that no thread has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** Each block reads the footer again. */
const blocksOfThreads = 8;

/**
 * Looks at a parquet file in ranges of rows that are spread over it.
 *
 * @param threads Share the columns; default: the calling thread looks at all of them.
 * @throws {Failure} `file-missing`; `file-invalid` for a damaged file, or one beyond a limit; the reason of an aborted signal.
 */
export async function lookAtParquet(
  path: string,
  { threads, signal }: { readonly threads?: Threads | undefined; readonly signal?: AbortSignal | undefined },
): Promise<ParquetLook> {
  const job: LookJob = {
    kind: "look",
    path,
    blockCount: threads ? blocksOfThreads : 1,
    next: sharedInt32(1),
  };
  const look = () => lookAtBlocks(job, signal);
  const blocks = (threads ? await threads.run(job, look) : [await look()]).flat()
    .toSorted((a, b) => a.at - b.at);
  signal?.throwIfAborted();
  return {
    sample: {
      ...blocks[0].sample,
      read: blocks.flatMap(({ sample }) => sample.read),
      columns: blocks.flatMap(({ sample }) => sample.columns),
    },
    columns: blocks.flatMap(({ columns }) => columns),
  };
}

/** Looks at the blocks that no other thread has taken. */
export async function lookAtBlocks(
  { path, blockCount, next }: LookJob,
  signal?: AbortSignal,
): Promise<(ParquetLook & { readonly at: number })[]> {
  const sampleOf = openSample(path);
  const blocks = [];
  for (let at = Atomics.add(next, 0, 1); at < blockCount; at = Atomics.add(next, 0, 1)) {
    const sample = await sampleOf(at / blockCount, (at + 1) / blockCount, signal);
    blocks.push({ at, sample, columns: typedColumns(sample) });
  }
  return blocks;
}
