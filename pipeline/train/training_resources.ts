import { dirname } from "node:path";
import { createMemoryBudget, type MemoryBudget } from "../chunks/chunk_room.ts";
import { openSpillFolder } from "../chunks/spill_folder.ts";
import type { Store } from "../store/store.ts";
import { availableParallelism, startThreads, type Threads } from "../runtime/thread_pool.ts";
import { trainWorkerUrl } from "./train_worker_url.ts";

/** Examples that are kept in memory: with all else, a training takes less than a gigabyte. */
export const defaultMemoryBytes = 256e6;

/** What a training works with. Nothing of it is left when it is closed. */
export interface TrainingResources {
  /** Read and pass over the data. */
  readonly threads: Threads;
  readonly budget: MemoryBudget;
  close(): void;
}

export interface ResourceOptions {
  /** Threads, with the calling one; as many as the machine runs at once without. */
  readonly threads?: number;
  /** Examples beyond it are kept in a file beside the store. The model does not depend on it. */
  readonly memoryBytes?: number;
}

export function openTrainingResources(store: Store, options: ResourceOptions): TrainingResources {
  const { threads: count = availableParallelism(), memoryBytes = defaultMemoryBytes } = options;
  const folder = openSpillFolder(dirname(store.path));
  const threads = startThreads(count, trainWorkerUrl());
  return {
    threads,
    budget: createMemoryBudget(folder.path, memoryBytes),
    close() {
      threads.close();
      folder.close();
    },
  };
}
