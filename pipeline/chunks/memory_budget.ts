import { sharedInt32 } from "../runtime/shared_memory.ts";

/** Memory budget for examples, shared by all threads, and the folder for chunks that exceed it. */
export interface MemoryBudget {
  /** Folder of the chunk files. */
  readonly folder: string;
  readonly kibibytes: number;
  /** Shape (2): kibibytes that are free, files created. */
  readonly shared: Int32Array<SharedArrayBuffer>;
}

export function createMemoryBudget(folder: string, memoryBytes: number): MemoryBudget {
  // An Int32Array counts up to 2 TiB in kibibytes.
  const kibibytes = Math.min(Math.floor(memoryBytes / 1024), 2 ** 30);
  const shared = sharedInt32(2);
  shared[0] = kibibytes;
  return { folder, kibibytes, shared };
}

/** Returns a budget of no memory, with files in the same folder. */
export function filesOnly(budget: MemoryBudget): MemoryBudget {
  return { ...budget, kibibytes: 0 };
}

/** Reserves memory. @returns false if less than `byteCount` is free. */
export function reserveMemory({ shared, kibibytes }: MemoryBudget, byteCount: number): boolean {
  if (kibibytes === 0) return false;
  const wanted = Math.ceil(byteCount / 1024);
  if (Atomics.sub(shared, 0, wanted) >= wanted) return true;
  Atomics.add(shared, 0, wanted);
  return false;
}

/** Returns the bytes that are not reserved. */
export function freeMemory({ shared }: MemoryBudget): number {
  return 1024 * Math.max(0, Atomics.load(shared, 0));
}

/** Releases memory that was reserved. */
export function releaseMemory({ shared }: MemoryBudget, byteCount: number): void {
  Atomics.add(shared, 0, Math.ceil(byteCount / 1024));
}

/** Releases all memory. Chunks kept in it must no longer be used. */
export function resetBudget({ shared, kibibytes }: MemoryBudget): void {
  Atomics.store(shared, 0, kibibytes);
}

/** Returns a file name that is unique in the budget's folder. */
export function nextFileName({ shared }: MemoryBudget): string {
  return `chunks-${Atomics.add(shared, 1, 1)}`;
}
