import { forceCollection } from "../../pipeline/runtime/shared_memory_gc.ts";

/** Time that one long task may occupy a thread before other requests get their turn. */
const sliceMsDefault = 4;

/**
 * Returns a promise of the next time slice if the current one is used up, else undefined. Long tasks call it every few rows
 * and await the result.
 */
export type Pause = () => Promise<void> | undefined;

/** Starts a time slice. */
export function startSlices(sliceMs: number = sliceMsDefault): Pause {
  let startedAt = performance.now();
  return () => {
    if (performance.now() - startedAt < sliceMs) return undefined;
    return nextSlice().then(() => {
      startedAt = performance.now();
    });
  };
}

/** Long tasks of this thread that wait for their next slice. */
const waiting: (() => void)[] = [];

/**
 * Waits for a time slice of this thread. The event loop runs between any two slices, however many tasks wait: another request
 * waits for one slice, not for one slice of every task.
 */
export function nextSlice(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setTimeout(startNext);
  });
}

function startNext(): void {
  waiting[0]();
  waiting.shift();
  if (waiting.length > 0) setTimeout(startNext);
}

/** Runs a long task that yields between its steps, in time slices. */
export async function runSlices<Result>(steps: Generator<void, Result>): Promise<Result> {
  const pause = startSlices();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    const pausing = pause();
    if (pausing) await pausing;
  }
}

let last: Promise<unknown> = Promise.resolve();

/** Parsed bytes after which garbage is collected: the engine would let several hundred MiB accumulate. */
const collectAfterBytes = 4 * 1024 * 1024;
let parsedBytes = 0;

/** @param byteCount Size of a text that is being parsed. */
export function noteParsed(byteCount: number): void {
  parsedBytes += byteCount;
}

/** Runs tasks that need a multiple of their request's memory: one at a time in a thread, in the order of the calls. */
export function oneAtATime<Result>(task: () => Result | Promise<Result>): Promise<Result> {
  const result = last.then(task);
  last = result.catch(() => {}).then(() => {
    if (parsedBytes < collectAfterBytes) return;
    parsedBytes = 0;
    return forceCollection();
  });
  return result;
}
