import { dirname } from "node:path";
import { Failure } from "../failure.ts";

/**
 * Runs what writes `path`; what the system refuses becomes a failure that says what to do.
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
      : "Write to a folder that is there and that you may write to.";
    throw new Failure("file-unwritable", `Cannot write ${path}: ${error.message}. ${repair}`);
  }
}

/** Makes the folder of files to be written, where it is not there. */
export function makeFolder(directory: string): void {
  writing(directory, () => Deno.mkdirSync(directory, { recursive: true }));
}

/** Writes a text file, and its folder where that is not there. It appears whole, in place of one that stands there. */
export function writeText(path: string, text: string): void {
  makeFolder(dirname(path));
  const partialPath = `${path}.partial`;
  writing(path, () => {
    try {
      Deno.writeTextFileSync(partialPath, text);
      Deno.renameSync(partialPath, path);
    } catch (error) {
      removeIfThere(partialPath);
      throw error;
    }
  });
}

/** For what is left of a write that failed: where it cannot be removed, the failure on its way says why. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch { /* see above */ }
}
