import { yieldToEventLoop } from "./event_loop.ts";
import type { Job, Threads } from "./thread_pool.ts";

/** Job that runs {@link forceCollection} on a thread. */
export interface CollectJob extends Job {
  readonly kind: "collect";
}

/**
 * Forces a garbage collection on all threads, so that unused SharedArrayBuffers are freed. V8 does not count them towards GC
 * pressure: they could otherwise stay until the process ends.
 */
export async function forceCollectionOnAll(threads: Threads): Promise<void> {
  await threads.run({ kind: "collect" } satisfies CollectJob, forceCollection);
}

/** Together, more than the engine lets a thread allocate before it collects. */
const pressureBytes = 64 * 2 ** 20;
const pressureCount = 4;

/** Makes the engine begin a garbage collection of the calling thread, which goes on beside the program: takes a few milliseconds. */
export function requestCollection(): void {
  try {
    new ArrayBuffer(pressureBytes);
  } catch {
    // Not even address space is left.
  }
}

/**
 * Forces a garbage collection of the calling thread by allocating buffers. The engine counts their memory; the system does not
 * provide it, since it is never touched.
 */
export async function forceCollection(): Promise<void> {
  for (let i = 0; i < pressureCount; i++) {
    try {
      new ArrayBuffer(pressureBytes);
    } catch {
      // Not even address space is left: nothing can be freed this way.
      return;
    }
    await yieldToEventLoop();
  }
}
