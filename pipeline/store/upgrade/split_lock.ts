import { Failure } from "../../failure.ts";
import type { Layout } from "../layout.ts";
import { fileAt, reason, removeDatabase } from "../store_file.ts";

/** Held by the one process that splits an older store. The system lets go of it when the process ends, however it does. */
export interface SplitLock {
  /** @param isDone The lock's file goes, too: nothing is half done. */
  close(options: { readonly isDone: boolean }): void;
}

const pauseMs = 20;

/**
 * Takes the lock of a data folder, and waits for another process that has it.
 *
 * @throws {Failure} `store-busy` after `busyTimeoutMs`; `store-invalid` where nothing can be written.
 */
export function lockSplit({ lock: path, registry, copy }: Layout, busyTimeoutMs: number): SplitLock {
  for (const deadline = performance.now() + busyTimeoutMs;;) {
    const file = openLock(path, registry);
    if (file.tryLockSync(true) && isAt(file, path)) {
      return {
        close({ isDone }) {
          // A copy beside the registry is one that was not finished.
          if (isDone && fileAt(registry)) removeDatabase(copy);
          if (isDone) Deno.removeSync(path);
          file.close();
        },
      };
    }
    file.close();
    if (performance.now() > deadline) {
      throw new Failure(
        "store-busy",
        `Cannot open ${registry}: another clickwell is bringing it up to date. Try again.`,
      );
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
  }
}

function openLock(path: string, registry: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, mode: 0o600 });
  } catch (error) {
    throw new Failure(
      "store-invalid",
      `Cannot bring ${registry} up to date: ${path} cannot be made: ${reason(error)}. ` +
        "It is of an older version, and is split in two files where its folder can be written.",
    );
  }
}

/** Whether it is still the file at its path: the one who held it before may have removed it. */
function isAt(file: Deno.FsFile, path: string): boolean {
  return file.statSync().ino === fileAt(path)?.ino;
}
