import { dirname } from "node:path";
import { Failure } from "../failure.ts";
import { syncDirectory } from "../runtime/durable_file.ts";

/**
 * Runs `write`, which writes `path`. Errors of the system become failures with advice.
 *
 * @throws {Failure} `file-unwritable`.
 */
export function writing<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") throw error;
    const repair = error.code === "ENOSPC"
      ? "The disk is full: free some space, or write elsewhere."
      : "Write to an existing, writable folder.";
    throw new Failure("file-unwritable", `Cannot write ${path}: ${error.message}. ${repair}`);
  }
}

/** Creates the folder of a file to write, if it does not exist. */
export function makeFolder(directory: string): void {
  writing(directory, () => Deno.mkdirSync(directory, { recursive: true }));
}

/**
 * Writes a text file, and creates its folder if needed. The file appears complete, replaces an existing one, and survives a power
 * failure once this returns.
 */
export function writeText(path: string, text: string): void {
  makeFolder(dirname(path));
  const partialPath = `${path}.partial`;
  writing(path, () => {
    try {
      Deno.writeTextFileSync(partialPath, text);
      {
        using file = Deno.openSync(partialPath, { write: true });
        file.syncSync();
      }
      Deno.renameSync(partialPath, path);
      syncDirectory(dirname(path));
    } catch (error) {
      removeIfThere(partialPath);
      throw error;
    }
  });
}

/** Makes the folder of a file and checks that a file can be made in it. @throws {Failure} `file-unwritable` */
export function requireWritable(path: string): void {
  makeFolder(dirname(path));
  const partialPath = `${path}.partial`;
  writing(path, () => Deno.writeTextFileSync(partialPath, ""));
  removeIfThere(partialPath);
}

/** Removes the rest of a failed write. Errors are ignored: the failure of the write is reported. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch { /* see above */ }
}

/** Syncs a file to disk while it is being written, so that the last sync waits only for the rest. */
export interface EarlySync {
  /** Starts to sync what was written so far, unless a sync is under way. Its errors are those of the last sync. */
  start(): void;
  /** Waits for the sync that is under way. */
  end(): Promise<void>;
}

/** @param path A file that exists when the first sync starts. @throws {Failure} `file-unwritable`, as `start` does. */
export function createEarlySync(path: string): EarlySync {
  let file: Deno.FsFile | undefined;
  let underWay: Promise<void> | undefined;
  return {
    start() {
      if (underWay) return;
      file ??= writing(path, () => Deno.openSync(path, { write: true }));
      underWay = file.syncData().catch(() => {}).finally(() => underWay = undefined);
    },
    async end() {
      await underWay;
      file?.close();
      file = undefined;
    },
  };
}
