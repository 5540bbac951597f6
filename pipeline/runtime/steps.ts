import { createYielding, yieldToEventLoop } from "./event_loop.ts";
import type { Job, Threads } from "./thread_pool.ts";

/** A step of long work that all threads take part in. */
export interface ThreadStep {
  readonly job: Job;
  /** Does the calling thread's part, which may be in steps too. */
  readonly local: () => Generator<void, unknown> | void;
}

/** Long work in steps. After a step of all threads it goes on with their results, the calling thread's first. */
export type Steps<Result> = Generator<ThreadStep | void, Result, readonly unknown[]>;

/**
 * Runs long work and yields to the event loop between its steps. Signals are delivered between tasks: otherwise Ctrl-C would
 * take effect only at the end.
 *
 * @param signal Aborts the work after the current step.
 * @param threads Take part in the steps that are shared; default: the calling thread does all of it.
 */
export async function runCooperatively<Result>(
  steps: Steps<Result>,
  signal?: AbortSignal,
  threads?: Threads,
): Promise<Result> {
  for (let results: readonly unknown[] = [];;) {
    const { done, value } = steps.next(results);
    if (done) return value;
    await yieldToEventLoop();
    signal?.throwIfAborted();
    if (value === undefined) continue;
    const local = () => {
      const part = value.local();
      return part && runYielding(part, () => signal?.throwIfAborted());
    };
    results = threads ? await threads.run(value.job, local) : [await local()];
    signal?.throwIfAborted();
  }
}

/**
 * Runs work of this thread alone, and yields to the event loop only if the last time is a while ago: its steps may be short.
 *
 * @param pause Called after each step; may throw.
 */
export async function runYielding<Result>(part: Generator<void, Result>, pause: () => void): Promise<Result> {
  const yielding = createYielding();
  for (;;) {
    const { done, value } = part.next();
    if (done) return value;
    await yielding();
    pause();
  }
}

/** Runs the same kind of work without yielding, in a thread that has nothing else to do. */
export function runToEnd<Result>(steps: Steps<Result>): Result {
  for (let results: readonly unknown[] = [];;) {
    const { done, value } = steps.next(results);
    if (done) return value;
    const part = value?.local();
    results = [part && runToEnd(part)];
  }
}
