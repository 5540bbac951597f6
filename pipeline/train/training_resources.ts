import { dirname } from "node:path";
import { createMemoryBudget } from "../chunks/memory_budget.ts";
import { openSpillFolder } from "../chunks/spill_folder.ts";
import type { Store } from "../store/store.ts";
import { availableParallelism, startThreads, workerUrl } from "../runtime/thread_pool.ts";

/** Default memory for examples: with everything else, a training stays below one gigabyte. */
export const defaultMemoryBytes = 256e6;

/** Threads, memory budget and spill folder of one training run. `close` releases all of them. */
export type TrainingResources = ReturnType<typeof openTrainingResources>;

export interface ResourceOptions {
  /** Number of threads, including the calling one; default: the machine's parallelism. */
  readonly threads?: number;
  /** Examples beyond this size are spilled to a file in the data folder. The model does not depend on it. */
  readonly memoryBytes?: number;
  /** Disk space beside the store for examples that later trainings need not read again; default: `defaultCacheBytes`. */
  readonly cacheBytes?: number;
  /** Smaller examples are not kept. */
  readonly fileBytesMin?: number;
}

/** Returns the options of reading examples that are among those of resources. */
export function cacheOptionsOf(
  { cacheBytes, fileBytesMin }: ResourceOptions,
): Pick<ResourceOptions, "cacheBytes" | "fileBytesMin"> {
  return {
    ...cacheBytes === undefined ? {} : { cacheBytes },
    ...fileBytesMin === undefined ? {} : { fileBytesMin },
  };
}

/** @param place A file in whose folder chunks are spilled. */
export function openTrainingResources(place: Pick<Store, "path">, options: ResourceOptions) {
  const { threads: count = availableParallelism(), memoryBytes = defaultMemoryBytes } = options;
  const folder = openSpillFolder(dirname(place.path));
  const threads = startThreads(count, trainWorkerUrl());
  return {
    /** Read the examples and pass over the design. */
    threads,
    budget: createMemoryBudget(folder.path, memoryBytes),
    close(): void {
      threads.close();
      folder.close();
    },
  };
}

/** Returns the module of a training thread, which is in this folder both in the sources and in the bundle. */
export function trainWorkerUrl(): URL {
  return workerUrl("./train_worker.ts", import.meta.url);
}
