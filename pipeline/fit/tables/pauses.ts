import { yieldToEventLoop } from "../../runtime/event_loop.ts";

/** The calling thread handles events after this time. */
const sliceMs = 30;

/** Lets the event loop run if that was long ago. */
export type Pause = () => Promise<void>;

/** Creates a pause between parts of long work. @param checkpoint Called after each; throws to end the work. */
export function createPause(checkpoint?: () => void): Pause {
  let began = performance.now();
  return async () => {
    if (performance.now() - began < sliceMs) return;
    await yieldToEventLoop();
    checkpoint?.();
    began = performance.now();
  };
}

/** Runs work in steps, and pauses between them. */
export async function runWithPauses<Result>(steps: Generator<void, Result>, pause: Pause): Promise<Result> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await pause();
  }
}
