import { type OpenedFile, type OpenReader, openReader, type ReaderJob, type ReadStep } from "./reader_job.ts";
import { releaseBatch } from "../files/batch.ts";
import type { KeySet } from "./key_set.ts";
import type { Job, Threads } from "../threads.ts";

/** So many batches wait to be inserted at most: while a run of rows is being ordered, there are others to insert. */
const stepsAhead = 16;

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
  /** Takes the last step back. */
  next(): ReadStep | undefined;
  close(): void;
}

export function createFileReading(): FileReading {
  let reader: OpenReader | undefined;
  let steps: Generator<ReadStep> | undefined;
  let last: ReadStep | undefined;
  const known = new Map<string, KeySet>();
  const close = () => {
    reader?.close();
    reader = undefined;
  };
  return {
    open(job) {
      close();
      reader = openReader(job.reader, known);
      steps = reader.steps();
      return reader.opened;
    },
    next() {
      if (last) releaseBatch(last.batch);
      const { value, done } = steps?.next() ?? { value: undefined, done: true };
      if (done) close();
      last = value || undefined;
      return last;
    },
    close,
  };
}

/**
 * Opens a file; on the second thread where there is one, which reads on while this one inserts what has been read.
 *
 * @param here Reads where there is no second thread.
 * @throws {Failure} as `openReader` does.
 */
export async function openReading(threads: Threads, here: FileReading, reader: ReaderJob): Promise<Reading> {
  const open: OpenJob = { kind: "open", reader };
  if (threads.count === 1) {
    return { opened: here.open(open), next: () => Promise.resolve(here.next()) };
  }
  const opened = await ask<OpenedFile>(threads, open);
  if (!opened) throw new Error("the reading thread did not open its file");
  const ahead: Promise<ReadStep | undefined>[] = [];
  const readOn = () => {
    const step = ask<ReadStep>(threads, { kind: "next" } satisfies NextJob);
    // It is waited for only when what came before it has been inserted.
    step.catch(() => {});
    ahead.push(step);
  };
  while (ahead.length < stepsAhead) readOn();
  let last: ReadStep | undefined;
  return {
    opened,
    async next() {
      if (last) releaseBatch(last.batch);
      last = await ahead.shift();
      if (last) readOn();
      return last;
    },
  };
}

/** The answer of the second thread. */
async function ask<Result>(threads: Threads, job: Job): Promise<Result | undefined> {
  const [, result] = await threads.run<Result | undefined>(job, () => undefined);
  return result;
}
