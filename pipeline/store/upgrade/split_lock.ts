import { Failure } from "../../failure.ts";
import type { Layout } from "../layout.ts";
import { fileAt, reason, removeDatabase } from "../store_file.ts";

/** The lock of the process that splits an older store. The operating system releases it when the process ends for any reason. */
export interface SplitLock {
  /** Releases the lock. @param options.isDone Removes the lock file, too: the split is complete. */
  close(options: { readonly isDone: boolean }): void;
}

const pauseMs = 20;

/**
 * Takes the lock of a data folder; waits while another process has it.
 *
 * @throws {Failure} `store-busy` after `busyTimeoutMs`; `store-invalid` in a read-only folder.
 */
export function lockSplit({ lock: path, registry, copy }: Layout, busyTimeoutMs: number): SplitLock {
  for (const deadline = performance.now() + busyTimeoutMs;;) {
    const file = openLock(path, registry);
    if (file.tryLockSync(true) && isAt(file, path)) {
      return {
        close({ isDone }) {
          // If the registry exists, the copy is an unfinished one.
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
      `Cannot bring ${registry} up to date: ${path} cannot be created: ${reason(error)}. ` +
        "It is of an older version, and is split into two files if its folder is writable.",
    );
  }
}

/** Returns whether the file is still at its path: the previous holder of the lock may have removed it. */
function isAt(file: Deno.FsFile, path: string): boolean {
  return file.statSync().ino === fileAt(path)?.ino;
}
