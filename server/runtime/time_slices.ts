import { forceCollection } from "../../pipeline/runtime/shared_memory_gc.ts";

/** How long one piece of long work may keep a thread that also answers other requests. */
const sliceMsDefault = 4;

/**
 * Returns a promise of the next slice if the current one is used up, else undefined: long work calls it every few rows and
 * awaits what it returns.
 */
export type Pause = () => Promise<void> | undefined;

/** Starts a slice. */
export function startSlices(sliceMs: number = sliceMsDefault): Pause {
  let startedAt = performance.now();
  return () => {
    if (performance.now() - startedAt < sliceMs) return undefined;
    return nextSlice().then(() => {
      startedAt = performance.now();
    });
  };
}

/** Long works of this thread that wait for their next slice. */
const waiting: (() => void)[] = [];

/**
 * Waits for a slice of this thread. The event loop gets its turn between any two slices, however many works wait: another
 * request waits for one slice, not for one of each.
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

/** Runs long work that stops between its steps. */
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

/** After so much was parsed, what is left of it is collected: the engine would let several hundred MiB of it gather. */
const collectAfterBytes = 4 * 1024 * 1024;
let worked = 0;

/** @param byteCount Of a text that is parsed now. */
export function noteParsed(byteCount: number): void {
  worked += byteCount;
}

/** Runs work whose memory is a multiple of its request's: one at a time in a thread, in the order in which they came. */
export function oneAtATime<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  const turn = last.then(work);
  last = turn.catch(() => {}).then(() => {
    if (worked < collectAfterBytes) return;
    worked = 0;
    return forceCollection();
  });
  return turn;
}
