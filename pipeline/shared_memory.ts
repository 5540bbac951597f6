import { nextTask } from "./stepwise.ts";
import type { Job, Threads } from "./threads.ts";

/** Typed arrays of zeros over memory that threads share: what one thread writes, the others read without a copy. */

export function sharedFloat64(length: number): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(8 * length));
}

export function sharedUint32(length: number): Uint32Array<SharedArrayBuffer> {
  return new Uint32Array(new SharedArrayBuffer(4 * length));
}

export function sharedInt32(length: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

export function sharedUint16(length: number): Uint16Array<SharedArrayBuffer> {
  return new Uint16Array(new SharedArrayBuffer(2 * length));
}

export function sharedUint8(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** Has a thread look for shared memory that it no longer uses. */
export interface CollectJob extends Job {
  readonly kind: "collect";
}

/**
 * Gives back, on all threads, shared memory that none of them uses any more. The engine does not count it when it decides
 * whether to look for garbage, so that it could stay until the process ends.
 */
export async function collectShared(threads: Threads): Promise<void> {
  await threads.run({ kind: "collect" } satisfies CollectJob, collect);
}

/** More than the engine lets a thread allocate before it collects, in pieces. */
const pressureBytes = 64 * 2 ** 20;
const pressureCount = 4;

/** One thread's part: memory that is counted and never touched, so that none is taken. */
export async function collect(): Promise<void> {
  for (let i = 0; i < pressureCount; i++) {
    try {
      new ArrayBuffer(pressureBytes);
    } catch {
      // Where not even addresses are left there is nothing to be done for memory.
      return;
    }
    await nextTask();
  }
}
