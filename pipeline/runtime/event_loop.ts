/** A turn of the event loop: what waits for one has it, a signal or another request. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/**
 * Runs long work that stops between its steps, and lets the event loop have its turn there: a signal arrives between tasks,
 * so that without one Ctrl-C would wait for the end.
 *
 * @param signal Ends the work at the next stop.
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

/** Runs such work at once, in a thread that has nothing else to do. */
export function runToEnd<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
