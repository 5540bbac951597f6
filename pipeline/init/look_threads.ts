import { fileState } from "../files/file_state.ts";
import { availableParallelism, startThreads, type Threads, workerUrl } from "../runtime/thread_pool.ts";
import { inputFilesOf } from "./folder.ts";

/** Smaller files are looked at before another thread has started. */
const sharedBytesMin = 16 * 2 ** 20;

/**
 * Starts a thread that shares the look at large files.
 *
 * @param url Its module, which answers `LookJob`s; one that goes on with other jobs knows the code of the readers then.
 * @returns undefined if the files are small, or if there is no other processor.
 * @throws {Failure} as `inputFilesOf`; `file-missing`.
 */
export function startLookThreads(paths: readonly string[], url = lookWorkerUrl()): Threads | undefined {
  const { named, found } = inputFilesOf(paths);
  const byteCount = [...named, ...found].reduce((sum, path) => sum + fileState(path).size, 0);
  if (byteCount < sharedBytesMin || availableParallelism() < 2) return undefined;
  return startThreads(2, url);
}

function lookWorkerUrl(): URL {
  return workerUrl("./look_worker.ts", import.meta.url);
}
