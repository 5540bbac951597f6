import type { DecodedArray } from "hyparquet";
import { createParquetFile, type ParquetFileOptions, partialPathOf } from "../files/parquet/writer.ts";
import { removeIfThere } from "../files/written_file.ts";
import { type Job, startWorker, workerUrl } from "../runtime/thread_pool.ts";

export interface CreateJob extends Job {
  readonly kind: "create";
  readonly path: string;
  readonly options: ParquetFileOptions;
}

export interface AppendJob extends Job {
  readonly kind: "append";
  readonly columns: readonly DecodedArray[];
}

/** A parquet file that is being written by this thread or another one, see `createParquetFile`. */
export interface RowGroupFile {
  /** Writes a row group. Its columns may be overwritten when the call returns. @returns A promise if the caller is to wait. */
  append(columns: readonly DecodedArray[]): void | Promise<void>;
  /** Writes the footer and renames the file. */
  publish(): void | Promise<void>;
  /** Removes the file unless it is published. */
  discard(): void | Promise<void>;
}

/** @throws {Failure} `file-unwritable`, as the file's functions do. */
export function createFileHere(path: string, options: ParquetFileOptions): RowGroupFile {
  const { append, end, publish, discard } = createParquetFile(path, options);
  return {
    append,
    publish() {
      end();
      publish();
    },
    discard,
  };
}

/** Row groups that wait to be written, at most: each takes a megabyte for two columns. */
const waitingMax = 8;

/**
 * Lets another thread write the file, with the same bytes, while this one computes the next rows.
 *
 * A failure is thrown by one of the next calls, at the latest by `publish`.
 */
export function createFileAside(path: string, options: ParquetFileOptions): RowGroupFile {
  const worker = startWorker(workerUrl("./prediction_worker.ts", import.meta.url));
  const waiting: Promise<unknown>[] = [];
  let isPublished = false;
  const ask = (job: Job) => {
    const reply = worker.ask(job);
    // Observed when it is waited for.
    reply.catch(() => {});
    waiting.push(reply);
  };
  const create: CreateJob = { kind: "create", path, options };
  ask(create);
  return {
    async append(columns) {
      // Posting copies the columns.
      const job: AppendJob = { kind: "append", columns };
      ask(job);
      if (waiting.length > waitingMax) await waiting.shift();
    },
    async publish() {
      ask({ kind: "publish" });
      for (const reply of waiting) await reply;
      isPublished = true;
      worker.terminate();
    },
    async discard() {
      if (isPublished) return;
      try {
        await worker.ask({ kind: "discard" });
      } catch {
        // The thread died.
        removeIfThere(partialPathOf(path));
      } finally {
        worker.terminate();
      }
    },
  };
}
