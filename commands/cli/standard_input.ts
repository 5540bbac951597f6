import { existsSync } from "node:fs";
import { join } from "node:path";
import { openSpillFolder } from "../../pipeline/chunks/spill_folder.ts";
import { Failure, usageInvalid } from "../../pipeline/failure.ts";

/** Stands for standard input and standard output on the command line. */
export const dash = "-";

const shownName = "standard input";

/**
 * Runs `use` with paths of which one may be standard input. Standard input is copied to a temporary file first, since files are
 * read twice, from their ends and on other threads. Messages call it `standard input`.
 *
 * @param paths As on the command line.
 * @param options.dataDir Holds the temporary file, if the folder exists: it may be the only writable one.
 * @param use Gets a function that returns the path of the file to read.
 * @throws {Failure} `usage-invalid` if standard input is named twice; `file-unwritable`; what `use` throws.
 */
export async function withStandardInput<T>(
  paths: readonly string[],
  { dataDir, signal }: { dataDir: string; signal: AbortSignal },
  use: (pathOf: (path: string) => string) => Promise<T>,
): Promise<T> {
  const dashes = paths.filter((path) => path === dash).length;
  if (dashes === 0) return await use((path) => path);
  if (dashes > 1) {
    throw usageInvalid("Standard input (-) is named twice, expected once: it can be read once.");
  }
  const folder = writing(() => openFolder(dataDir));
  const copy = join(folder.path, "standard-input");
  try {
    await copyStandardInput(copy, signal);
    return await use((path) => path === dash ? copy : path);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.kind, error.message.replaceAll(copy, shownName), error.errors);
  } finally {
    folder.close();
  }
}

function openFolder(dataDir: string): { path: string; close(): void } {
  if (existsSync(dataDir)) return openSpillFolder(dataDir);
  const path = Deno.makeTempDirSync({ prefix: "clickwell-" });
  return { path, close: () => Deno.removeSync(path, { recursive: true }) };
}

const bufferBytes = 2 ** 18;

async function copyStandardInput(path: string, signal: AbortSignal): Promise<void> {
  const file = writing(() => Deno.openSync(path, { write: true, create: true, mode: 0o600 }));
  try {
    const buffer = new Uint8Array(bufferBytes);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    // A rejection is observed by the race.
    aborted.catch(() => {});
    for (;;) {
      signal.throwIfAborted();
      const count = await Promise.race([Deno.stdin.read(buffer), aborted]);
      if (count === null) return;
      writing(() => {
        for (let done = 0; done < count;) done += file.writeSync(buffer.subarray(done, count));
      });
    }
  } finally {
    file.close();
  }
}

function writing<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new Failure(
      "file-unwritable",
      `Cannot copy standard input to a file: ${
        error instanceof Error ? error.message : error
      }. Free space in the data folder, or write the input to a file yourself and pass its path.`,
    );
  }
}
