/**
 * Runs long work that stops between its steps, and lets the event loop have its turn there: a signal arrives between tasks,
 * so that without one Ctrl-C would wait for the end.
 *
 * @param signal Ends the work at the next stop.
 */
export async function runSteps<Result>(
  steps: Generator<void, Result>,
  signal?: AbortSignal,
): Promise<Result> {
  for (;;) {
    const { done, value } = steps.next();
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    if (done) return value;
  }
}

/** Runs such work at once, in a thread that has nothing else to do. */
export function runThrough<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
