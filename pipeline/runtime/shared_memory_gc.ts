import { yieldToEventLoop } from "./event_loop.ts";
import type { Job, Threads } from "./thread_pool.ts";

/** Has a thread look for shared memory that it no longer uses. */
export interface CollectJob extends Job {
  readonly kind: "collect";
}

/**
 * Gives back, on all threads, shared memory that none of them uses any more. The engine does not count it when it decides
 * whether to look for garbage, so that it could stay until the process ends.
 */
export async function forceCollectionOnAll(threads: Threads): Promise<void> {
  await threads.run({ kind: "collect" } satisfies CollectJob, forceCollection);
}

/** More than the engine lets a thread allocate before it collects, in pieces. */
const pressureBytes = 64 * 2 ** 20;
const pressureCount = 4;

/**
 * Gives back what the calling thread no longer uses: its engine is given a reason to look for garbage, memory that is counted
 * and, being never touched, not taken.
 */
export async function forceCollection(): Promise<void> {
  for (let i = 0; i < pressureCount; i++) {
    try {
      new ArrayBuffer(pressureBytes);
    } catch {
      // Where not even addresses are left there is nothing to be done for memory.
      return;
    }
    await yieldToEventLoop();
  }
}
