import { sharedInt32 } from "../runtime/shared_memory.ts";

/** How much of the examples is kept in memory, and where the rest goes. Threads share it. */
export interface MemoryBudget {
  /** Folder of the files that chunks go to where memory has no room for them. */
  readonly folder: string;
  readonly kibibytes: number;
  /** Shape (2): kibibytes of memory that are not taken, files that were made. */
  readonly shared: Int32Array<SharedArrayBuffer>;
}

export function createMemoryBudget(folder: string, memoryBytes: number): MemoryBudget {
  // An Int32Array counts to 2 TiB in kibibytes.
  const kibibytes = Math.min(Math.floor(memoryBytes / 1024), 2 ** 30);
  const shared = sharedInt32(2);
  shared[0] = kibibytes;
  return { folder, kibibytes, shared };
}

/** Takes memory, where there is enough. */
export function reserveMemory({ shared }: MemoryBudget, byteCount: number): boolean {
  const wanted = Math.ceil(byteCount / 1024);
  if (Atomics.sub(shared, 0, wanted) >= wanted) return true;
  Atomics.add(shared, 0, wanted);
  return false;
}

/** Gives all memory back: what was kept in it is no longer used. */
export function resetBudget({ shared, kibibytes }: MemoryBudget): void {
  Atomics.store(shared, 0, kibibytes);
}

/** A name that no other file in the room's folder has. */
export function nextFileName({ shared }: MemoryBudget): string {
  return `chunks-${Atomics.add(shared, 1, 1)}`;
}
