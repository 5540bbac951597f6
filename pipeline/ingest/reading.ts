import { type OpenedFile, type OpenReader, openReader, type ReaderJob, type ReadStep } from "./reader_job.ts";
import { batchBytes, buffersOf, releaseBatch } from "../files/batch.ts";
import type { Run } from "../files/run.ts";
import type { KeySet } from "./key_set.ts";
import type { Job, Threads } from "../threads.ts";

/** So many batches wait to be inserted at least: while a run of rows is being ordered, there are others to insert. */
const stepsAheadMin = 16;

/** A file that is being read. */
export interface Reading {
  readonly opened: OpenedFile;
  /** Takes the last step back. @returns undefined at the end of the file. @throws {Failure} as `openReader`'s steps do. */
  next(): Promise<ReadStep | undefined>;
}

/** Opens a file, in place of one that is open. */
interface OpenJob extends Job {
  readonly kind: "open";
  readonly reader: ReaderJob;
}

/** Reads on. */
interface NextJob extends Job {
  readonly kind: "next";
}

/** What reads one file at a time, on whichever thread. It remembers keys, so that children find their parents. */
export interface FileReading {
  open(job: OpenJob): OpenedFile;
  /** The step is the caller's, who gives its memory back. */
  next(): ReadStep | undefined;
  /** Tells of keys that are in the store. */
  know(table: string, keys: Pick<KeySet, "has">): void;
  close(): void;
}

/** Another reader of the rows, beside the one that inserts them. */
export interface Onlooker {
  /** Where it keeps the keys of a table, which then are not kept twice. */
  keysOf(table: string): KeySet | undefined;
  see(table: string, run: Run): void;
  /** A file has been read to its end. */
  ended(table: string): void;
}

/** @param onlookerOf Who looks on, as each file is opened. */
export function createFileReading(onlookerOf: () => Onlooker | undefined = () => undefined): FileReading {
  let onlooker: Onlooker | undefined;
  let table = "";
  let reader: OpenReader | undefined;
  let steps: Generator<ReadStep> | undefined;
  const known = new Map<string, KeySet>();
  const elsewhere = new Map<string, Pick<KeySet, "has">>();
  const close = () => {
    reader?.close();
    reader = undefined;
  };
  return {
    open(job) {
      close();
      onlooker = onlookerOf();
      table = job.reader.table.name;
      const keys = onlooker?.keysOf(table);
      if (keys) known.set(table, keys);
      reader = openReader(job.reader, known, { elsewhere, ...(onlooker ? { see: onlooker.see } : {}) });
      steps = reader.steps();
      return reader.opened;
    },
    next() {
      const { value, done } = steps?.next() ?? { value: undefined, done: true };
      if (done && reader) {
        close();
        onlooker?.ended(table);
      }
      return value || undefined;
    },
    know: (table, keys) => void elsewhere.set(table, keys),
    close,
  };
}

/**
 * Opens a file; on the second thread where there is one, which reads on while this one inserts what has been read.
 *
 * @param here Reads where there is no second thread.
 * @param aheadBytes How much the second thread may have read before it is inserted, beyond a few batches.
 * @throws {Failure} as `openReader` does.
 */
export async function openReading(
  threads: Threads,
  here: FileReading,
  reader: ReaderJob,
  aheadBytes = 0,
): Promise<Reading> {
  const open: OpenJob = { kind: "open", reader };
  if (threads.count === 1) return takingBack(here.open(open), () => Promise.resolve(here.next()));
  const opened = await ask<OpenedFile>(threads, open);
  if (!opened) throw new Error("the reading thread did not open its file");
  const ahead: Promise<ReadStep | undefined>[] = [];
  const readOn = () => {
    const step = ask<ReadStep>(threads, { kind: "next" } satisfies NextJob);
    // It is waited for only when what came before it has been inserted.
    step.catch(() => {});
    ahead.push(step);
  };
  while (ahead.length < stepsAheadMin) readOn();
  let largest = 1;
  return takingBack(opened, async () => {
    const step = await ahead.shift();
    if (!step) return undefined;
    largest = Math.max(largest, batchBytes(step.batch));
    const wanted = Math.max(stepsAheadMin, Math.floor(aheadBytes / largest));
    // One is taken and two are asked for, until they are as many as may be.
    for (let k = 0; k < 2 && ahead.length < wanted; k++) readOn();
    return step;
  });
}

function takingBack(opened: OpenedFile, next: () => Promise<ReadStep | undefined>): Reading {
  let last: ReadStep | undefined;
  return {
    opened,
    async next() {
      if (last) releaseBatch(last.batch);
      last = await next();
      return last;
    },
  };
}

/** What a thread that answers `next` hands on without a copy. */
export function memoryOf(kind: string, result: unknown): ArrayBuffer[] {
  const isStep = kind === "next" && result !== undefined;
  return isStep ? buffersOf((result as ReadStep).batch) : [];
}

/** The answer of the second thread. */
async function ask<Result>(threads: Threads, job: Job): Promise<Result | undefined> {
  const [, result] = await threads.run<Result | undefined>(job, () => undefined);
  return result;
}
