/** Lets the event loop run pending tasks, such as signals and requests. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Milliseconds for which work may keep the event loop waiting, and so Ctrl-C. */
const busyMsMax = 100;

/** Returns a function that yields to the event loop if the last time was more than 100 ms ago: a timer takes one or two even if nothing waits. */
export function createYielding(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < busyMsMax) return;
    await yieldToEventLoop();
    last = performance.now();
  };
}

/**
 * Runs long work and yields to the event loop between its steps. Signals are delivered between tasks: otherwise Ctrl-C would
 * take effect only at the end.
 *
 * @param signal Aborts the work after the current step.
 */
export async function runCooperatively<Result>(
  steps: Generator<void, Result>,
  signal?: AbortSignal,
): Promise<Result> {
  for (;;) {
    const { done, value } = steps.next();
    await yieldToEventLoop();
    signal?.throwIfAborted();
    if (done) return value;
  }
}

/** Runs the same kind of work without yielding, in a thread that has nothing else to do. */
export function runToEnd<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
