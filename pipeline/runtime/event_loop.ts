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
