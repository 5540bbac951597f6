import {
  type FileBatch,
  type OpenedFile,
  type OpenReader,
  openReader,
  type ReaderJob,
} from "./reader_job.ts";
import { batchBytes, buffersOf, releaseBatch } from "../files/columns/batch.ts";
import type { RowRun } from "../files/columns/row_run.ts";
import type { KeySet } from "./key_set.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";

/** Steps come from the second thread in groups of about so many bytes: whoever inserts rows hears of it only now and then. */
const groupBytes = 1.5 * 2 ** 20;
const firstGroupBytes = 2 ** 19;
/** So many groups wait to be inserted at least: while a run of rows is being ordered, there are others to insert. */
const groupsAheadMin = 3;
/** So many are asked for before anything is known of the file's batches, of which each may be a group of its own. */
const groupsAtFirstMax = 16;

/** A file that is being read. */
export interface Reading {
  readonly opened: OpenedFile;
  /** Takes the last step back. @returns undefined at the end of the file. @throws {Failure} as `openReader`'s steps do. */
  next(): Promise<FileBatch | undefined>;
}

/** Opens a file, in place of one that is open. */
interface OpenJob extends Job {
  readonly kind: "open";
  readonly reader: ReaderJob;
  /** Whether the parents may not be in the store yet. */
  readonly isPrefetch: boolean;
}

/** Reads on, until the steps take so many bytes: one of them at least. */
interface NextJob extends Job {
  readonly kind: "next";
  readonly bytes: number;
}

/** Steps that follow each other. */
interface BatchMessage {
  readonly steps: readonly FileBatch[];
  /** Whether the file has no more. */
  readonly isLast: boolean;
}

/** What reads one file at a time, on whichever thread. It remembers keys, so that children find their parents. */
export interface FileReading {
  /** @returns undefined where it is too early. */
  open(job: OpenJob): OpenedFile | undefined;
  /** The steps are the caller's, who gives their memory back. @throws {Failure} When those before have been handed on. */
  next(job: NextJob): BatchMessage;
  /** Tells of keys that are in the store. */
  addKnownKeys(table: string, keys: Pick<KeySet, "has">): void;
  close(): void;
}

/** Another reader of the rows, beside the one that inserts them. */
export interface RowObserver {
  /** Where it keeps the keys of a table, which then are not kept twice. */
  keysOf(table: string): KeySet | undefined;
  /** Whether it has kept all keys so far. */
  isComplete(): boolean;
  onRows(table: string, run: RowRun): void;
  /** A file has been read to its end. */
  onEnd(table: string): void;
}

/** @param onlookerOf Who looks on, as each file is opened. */
export function createFileReading(onlookerOf: () => RowObserver | undefined = () => undefined): FileReading {
  let onlooker: RowObserver | undefined;
  let table = "";
  let reader: OpenReader | undefined;
  let steps: Generator<FileBatch> | undefined;
  const known = new Map<string, KeySet>();
  const elsewhere = new Map<string, Pick<KeySet, "has">>();
  /** Of a step whose group had others, which go first. */
  let failure: { readonly cause: unknown } | undefined;
  const close = () => {
    reader?.close();
    [reader, steps, failure] = [undefined, undefined, undefined];
  };
  /** @returns undefined at the end of the file, and where a failure is left to the next call. */
  const readOn = (mayFailLater: boolean): FileBatch | undefined => {
    if (failure) throw failure.cause;
    try {
      const { value, done } = steps?.next() ?? { value: undefined, done: true };
      if (done && reader) {
        close();
        onlooker?.onEnd(table);
      }
      return value || undefined;
    } catch (cause) {
      if (!mayFailLater) throw cause;
      failure = { cause };
      return undefined;
    }
  };
  return {
    open(job) {
      if (job.isPrefetch && !onlooker?.isComplete()) return undefined;
      close();
      onlooker = onlookerOf();
      table = job.reader.table.name;
      const keys = onlooker?.keysOf(table);
      if (keys) known.set(table, keys);
      reader = openReader(job.reader, known, { elsewhere, ...(onlooker ? { see: onlooker.onRows } : {}) });
      steps = reader.batches();
      return reader.opened;
    },
    next({ bytes: bytesMax }) {
      const group: FileBatch[] = [];
      for (let bytes = 0; group.length === 0 || bytes < bytesMax;) {
        const step = readOn(group.length > 0);
        if (!step) return { steps: group, isLast: failure === undefined };
        group.push(step);
        bytes += batchBytes(step.batch);
      }
      return { steps: group, isLast: false };
    },
    addKnownKeys: (table, keys) => void elsewhere.set(table, keys),
    close,
  };
}

export interface ReadingOptions {
  /** Reads where there is no second thread. */
  readonly localReader: FileReading;
  /** How much the second thread may have read before it is inserted, beyond a few batches. */
  readonly aheadBytes?: number;
  /** Rows of another file, which may be parents, have been read and not been inserted yet. */
  readonly isPrefetch?: boolean;
  /** Called when the second thread has read the file to its end. */
  readonly onEnd?: (opened: OpenedFile) => void;
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
  { localReader: here, aheadBytes = 0, isPrefetch: isEarly = false, onEnd = () => {} }: ReadingOptions,
): Promise<Reading | undefined> {
  const open: OpenJob = { kind: "open", reader, isPrefetch: isEarly };
  if (threads.count === 1) {
    const opened = here.open(open);
    return opened && takingBack(opened, () => Promise.resolve(here.next({ kind: "next", bytes: 0 })));
  }
  const opening = ask<OpenedFile>(threads, open);
  const ahead: Promise<BatchMessage | undefined>[] = [];
  let asked = 0;
  let largest = groupBytes;
  let isAtEnd = false;
  const readOn = () => {
    // The first are small, so that there is something to insert soon.
    const next: NextJob = { kind: "next", bytes: Math.min(groupBytes, asked++ * firstGroupBytes) };
    const group = ask<BatchMessage>(threads, next);
    // It is waited for only when what came before it has been inserted.
    group.then(arrived, () => {});
    ahead.push(group);
  };
  const arrived = (group: BatchMessage | undefined) => {
    if (!group || isAtEnd) return;
    if (group.isLast) {
      isAtEnd = true;
      opening.then((opened) => opened && onEnd(opened), () => {});
      return;
    }
    largest = Math.max(largest, group.steps.reduce((sum, { batch }) => sum + batchBytes(batch), 0));
    fill();
  };
  // One has come or been taken and two are asked for, until they are as many as may be.
  const fill = () => {
    const wanted = Math.max(groupsAheadMin, Math.floor(aheadBytes / largest));
    for (let k = 0; k < 2 && !isAtEnd && ahead.length < wanted; k++) readOn();
  };
  const atFirst = Math.max(groupsAheadMin, Math.min(groupsAtFirstMax, Math.floor(aheadBytes / groupBytes)));
  // Without waiting for the answer: of a file that is not opened there are no steps.
  while (ahead.length < atFirst) readOn();
  const opened = await opening;
  return opened && takingBack(opened, async () => {
    const group = await ahead.shift();
    fill();
    return group;
  });
}

function takingBack(opened: OpenedFile, nextGroup: () => Promise<BatchMessage | undefined>): Reading {
  let group: BatchMessage = { steps: [], isLast: false };
  let taken = 0;
  let last: FileBatch | undefined;
  return {
    opened,
    async next() {
      if (last) releaseBatch(last.batch);
      last = undefined;
      while (taken === group.steps.length) {
        if (group.isLast) return undefined;
        group = await nextGroup() ?? { steps: [], isLast: true };
        taken = 0;
      }
      return last = group.steps[taken++];
    },
  };
}

/** What a thread that answers `next` hands on without a copy. */
export function transferablesOf(kind: string, result: unknown): ArrayBuffer[] {
  return kind === "next" ? (result as BatchMessage).steps.flatMap(({ batch }) => buffersOf(batch)) : [];
}

/** The answer of the second thread. */
async function ask<Result>(threads: Threads, job: Job): Promise<Result | undefined> {
  const [, result] = await threads.run<Result | undefined>(job, () => undefined);
  return result;
}
