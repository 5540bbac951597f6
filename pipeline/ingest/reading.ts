import { batchBytes, buffersOf, releaseBatch } from "../files/columns/batch.ts";
import { memoryOf, release, releaseBuffer } from "../files/columns/column_buffer.ts";
import type { RowRun } from "../files/columns/row_run.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import type { KnownKeys, ReadKeys } from "./key_set.ts";
import { createRunWriter, type SortedRun } from "./sorted_runs.ts";
import {
  type FileBatch,
  type OpenedFile,
  type OpenReader,
  openReader,
  type ReaderJob,
} from "./reader_job.ts";

/** Bytes of batches in one message of the reader thread: few messages interrupt the thread that inserts. */
const messageBytes = 1.5 * 2 ** 20;
/** By how much the messages grow until they have that size: the first are small, so that inserting starts soon. */
const messageGrowthBytes = 2 ** 19;
/** Least number of messages requested ahead: while the reader sorts a run of rows, there are others to insert. */
const messagesAheadMin = 3;
/** Most messages requested before the size of the file's batches is known: each may be a message by itself. */
const firstMessagesMax = 16;

/** A file that is being read. */
export type Reading = ReturnType<typeof releasingReading>;

/** Opens a file and closes the one that is open. */
interface OpenJob extends Job {
  readonly kind: "open";
  readonly reader: ReaderJob;
  /** Shape (1): 1 while the thread that inserts waits for rows, and can write runs. Absent if it reads itself. */
  readonly isIdle?: Int32Array<SharedArrayBuffer>;
  /** Whether parent rows may not have been inserted yet. */
  readonly isPrefetch: boolean;
}

/** Reads batches until they have this many bytes, at least one batch. */
interface NextJob extends Job {
  readonly kind: "next";
  readonly bytes: number;
  /** Runs that have been written since the last job. */
  readonly written: readonly SortedRun[];
}

/** Consecutive batches of a file, sent in one message. */
interface BatchMessage {
  readonly batches: readonly FileBatch[];
  /** Whether the file ends after them. */
  readonly isLast: boolean;
}

/** A reader of one file at a time, on any thread. Remembers primary keys so that foreign keys can be checked without a query. */
export type FileReading = ReturnType<typeof createFileReading>;

/** An observer of the rows of the files that are read. */
export interface RowObserver {
  /** Returns the keys of a table that the observer keeps itself, all of them; undefined for any other table. */
  keysOf(table: string): ReadKeys | undefined;
  /** Called when a file has been opened. @param rowCount undefined if it is not known. */
  onStart(table: string, rowCount: number | undefined): void;
  onRows(table: string, run: RowRun): void;
  /** Called when a file has been read to its end. */
  onEnd(table: string): void;
}

/** @param observerOf Returns the observer of a file when the file is opened. */
export function createFileReading(observerOf: () => RowObserver | undefined = () => undefined) {
  let observer: RowObserver | undefined;
  let table = "";
  let reader: OpenReader | undefined;
  let batches: Generator<FileBatch> | undefined;
  const readKeys = new Map<string, ReadKeys>();
  const knownKeys = new Map<string, KnownKeys>();
  /** A failure after batches that have to be returned first. */
  let failure: { readonly cause: unknown } | undefined;
  const close = () => {
    reader?.close();
    [reader, batches, failure] = [undefined, undefined, undefined];
  };
  /** @returns undefined at the end of the file, or if a failure is left to the next call. */
  const nextBatch = (mayFailLater: boolean): FileBatch | undefined => {
    if (failure) throw failure.cause;
    try {
      const { value, done } = batches?.next() ?? { value: undefined, done: true };
      if (done && reader) {
        close();
        observer?.onEnd(table);
      }
      return value || undefined;
    } catch (cause) {
      if (!mayFailLater) throw cause;
      failure = { cause };
      return undefined;
    }
  };
  return {
    /** @returns undefined for a prefetch if parent keys would have to be looked up in the store. */
    open(job: OpenJob): OpenedFile | undefined {
      if (job.isPrefetch && !observer) return undefined;
      close();
      observer = observerOf();
      table = job.reader.table.name;
      const keys = observer?.keysOf(table);
      if (keys) readKeys.set(table, keys);
      const { isIdle } = job;
      const isOtherIdle = isIdle && (() => Atomics.load(isIdle, 0) === 1);
      reader = openReader(job.reader, readKeys, { knownKeys, onRows: observer?.onRows, isOtherIdle });
      observer?.onStart(table, reader.opened.rowCount);
      batches = reader.batches();
      return reader.opened;
    },
    /** Returns batches that the caller has to release. @throws {Failure} Only after the batches before it were returned. */
    next({ bytes: bytesMax, written }: NextJob): BatchMessage {
      for (const run of written) reader?.addWritten(run);
      const message: FileBatch[] = [];
      for (let bytes = 0; message.length === 0 || bytes < bytesMax;) {
        const next = nextBatch(message.length > 0);
        if (!next) return { batches: message, isLast: failure === undefined };
        message.push(next);
        bytes += batchBytes(next.batch);
        // Sent at once, to show the progress of a long sort.
        if (next.rowsSorted !== undefined) break;
      }
      return { batches: message, isLast: false };
    },
    /** Adds keys of rows that have been inserted. */
    addKnownKeys: (table: string, keys: KnownKeys) => void knownKeys.set(table, keys),
    close,
  };
}

export interface ReadingOptions {
  /** Reads the file if there is no reader thread. */
  readonly localReader: FileReading;
  /** Bytes that the reader thread may read before they are inserted; a few batches in any case. */
  readonly aheadBytes?: () => number;
  /** Whether rows of another file, which may be parents, have been read and not been inserted yet. */
  readonly isPrefetch?: boolean;
  /** Called when the reader thread has read the file to its end. */
  readonly onEnd?: (opened: OpenedFile) => void;
}

/**
 * Opens a file, on the reader thread if there is one. That thread reads ahead while the calling thread inserts.
 *
 * @returns undefined for a prefetch if parent keys would have to be looked up in the store.
 * @throws {Failure} as `openReader` does.
 */
export async function openReading(
  threads: Threads,
  reader: ReaderJob,
  { localReader, aheadBytes = () => 0, isPrefetch = false, onEnd = () => {} }: ReadingOptions,
): Promise<Reading | undefined> {
  const isIdle = sharedInt32(1);
  const open: OpenJob = { kind: "open", reader, isIdle, isPrefetch };
  if (threads.count === 1) return isPrefetch ? undefined : openHere(localReader, reader);
  const opening = callReader<OpenedFile>(threads, open);
  const ahead: Promise<BatchMessage | undefined>[] = [];
  const written: SortedRun[] = [];
  let requested = 0;
  let largest = messageBytes;
  let isAtEnd = false;
  const request = () => {
    const bytes = Math.min(messageBytes, requested++ * messageGrowthBytes);
    const next: NextJob = { kind: "next", bytes, written: written.splice(0) };
    const message = callReader<BatchMessage>(threads, next);
    // A failure is reported when the message is awaited, after the rows before it have been inserted.
    message.then(onMessage, () => {});
    ahead.push(message);
  };
  const onMessage = (message: BatchMessage | undefined) => {
    if (!message || isAtEnd) return;
    if (message.isLast) {
      isAtEnd = true;
      opening.then((opened) => opened && onEnd(opened), () => {});
      return;
    }
    largest = Math.max(largest, message.batches.reduce((sum, { batch }) => sum + batchBytes(batch), 0));
    requestMore();
  };
  // Two requests for each message received or taken, up to the limit.
  const requestMore = () => {
    const wanted = Math.max(messagesAheadMin, Math.floor(aheadBytes() / largest));
    for (let k = 0; k < 2 && !isAtEnd && ahead.length < wanted; k++) request();
  };
  const first = Math.max(
    messagesAheadMin,
    Math.min(firstMessagesMax, Math.floor(aheadBytes() / messageBytes)),
  );
  // Requested before the file is known to be open: a file that cannot be opened has no batches.
  while (ahead.length < first) request();
  const opened = await opening;
  if (!opened) return undefined;
  const write = reader.budget && createRunWriter(reader.budget);
  return releasingReading(opened, async () => {
    Atomics.store(isIdle, 0, 1);
    const message = await ahead.shift();
    for (const { batch, unwritten } of message?.batches ?? []) {
      if (batch.rowCount > 0) Atomics.store(isIdle, 0, 0);
      if (!unwritten || !write) continue;
      written.push(write(unwritten));
      release(unwritten.order);
      unwritten.buffers.forEach(releaseBuffer);
    }
    requestMore();
    return message;
  });
}

/** Opens a file on the calling thread. @throws {Failure} as `openReader` does. */
export function openHere(localReader: FileReading, reader: ReaderJob): Reading {
  const opened = localReader.open({ kind: "open", reader, isPrefetch: false });
  if (!opened) throw new Error("the file was not opened");
  return releasingReading(
    opened,
    () => Promise.resolve(localReader.next({ kind: "next", bytes: 0, written: [] })),
  );
}

/** Returns the batches of messages one by one, each until the next one is requested. */
function releasingReading(opened: OpenedFile, nextMessage: () => Promise<BatchMessage | undefined>) {
  let message: BatchMessage = { batches: [], isLast: false };
  let taken = 0;
  let last: FileBatch | undefined;
  return {
    opened,
    /** Returns the next batch, undefined at the end, and releases the previous one. @throws {Failure} as `openReader` does. */
    async next(): Promise<FileBatch | undefined> {
      if (last) releaseBatch(last.batch);
      last = undefined;
      while (taken === message.batches.length) {
        if (message.isLast) return undefined;
        message = await nextMessage() ?? { batches: [], isLast: true };
        taken = 0;
      }
      return last = message.batches[taken++];
    },
  };
}

/** Returns the buffers that a thread transfers with the result of a job instead of copying them. */
export function transferablesOf(kind: string, result: unknown): ArrayBuffer[] {
  if (kind !== "next") return [];
  return (result as BatchMessage).batches.flatMap(({ batch, unwritten }) => [
    ...buffersOf(batch),
    ...unwritten ? [unwritten.order.buffer, ...unwritten.buffers.flatMap(memoryOf)] : [],
  ]);
}

/** Runs a job on the reader thread. */
async function callReader<Result>(threads: Threads, job: Job): Promise<Result | undefined> {
  const [, result] = await threads.run<Result | undefined>(job, () => undefined);
  return result;
}
