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
  /** Whether the parents may not be in the store yet. */
  readonly isEarly: boolean;
}

/** Reads on. */
interface NextJob extends Job {
  readonly kind: "next";
}

/** What reads one file at a time, on whichever thread. It remembers keys, so that children find their parents. */
export interface FileReading {
  /** @returns undefined where it is too early. */
  open(job: OpenJob): OpenedFile | undefined;
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
  /** Whether it has kept all keys so far. */
  isWhole(): boolean;
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
      if (job.isEarly && !onlooker?.isWhole()) return undefined;
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

export interface ReadingOptions {
  /** Reads where there is no second thread. */
  readonly here: FileReading;
  /** How much the second thread may have read before it is inserted, beyond a few batches. */
  readonly aheadBytes?: number;
  /** Rows of another file, which may be parents, have been read and not been inserted yet. */
  readonly isEarly?: boolean;
  /** Called when the second thread has read the file to its end. */
  readonly onEnd?: () => void;
}

/**
 * Opens a file; on the second thread where there is one, which reads on while this one inserts what has been read.
 *
 * @returns undefined where it is too early: parents would be looked for in the store.
 * @throws {Failure} as `openReader` does.
 */
export async function openReading(
  threads: Threads,
  reader: ReaderJob,
  { here, aheadBytes = 0, isEarly = false, onEnd = () => {} }: ReadingOptions,
): Promise<Reading | undefined> {
  const open: OpenJob = { kind: "open", reader, isEarly };
  if (threads.count === 1) {
    const opened = here.open(open);
    return opened && takingBack(opened, () => Promise.resolve(here.next()));
  }
  const opened = await ask<OpenedFile>(threads, open);
  if (!opened) return undefined;
  const ahead: Promise<ReadStep | undefined>[] = [];
  let largest = Infinity;
  let isAtEnd = false;
  const readOn = () => {
    const step = ask<ReadStep>(threads, { kind: "next" } satisfies NextJob);
    // It is waited for only when what came before it has been inserted.
    step.then(arrived, () => {});
    ahead.push(step);
  };
  const arrived = (step: ReadStep | undefined) => {
    if (step) {
      const bytes = batchBytes(step.batch);
      largest = largest === Infinity ? bytes : Math.max(largest, bytes);
      return fill();
    }
    if (!isAtEnd) onEnd();
    isAtEnd = true;
  };
  // One has come or been taken and two are asked for, until they are as many as may be.
  const fill = () => {
    const wanted = Math.max(stepsAheadMin, Math.floor(aheadBytes / Math.max(1, largest)));
    for (let k = 0; k < 2 && !isAtEnd && ahead.length < wanted; k++) readOn();
  };
  while (ahead.length < stepsAheadMin) readOn();
  return takingBack(opened, async () => {
    const step = await ahead.shift();
    fill();
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
