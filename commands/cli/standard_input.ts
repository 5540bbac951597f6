import { existsSync } from "node:fs";
import { join } from "node:path";
import { openSpillFolder } from "../../pipeline/chunks/spill_folder.ts";
import { Failure } from "../../pipeline/failure.ts";

/** How the command line names standard input, and standard output. */
export const dash = "-";

const shownName = "standard input";

/**
 * Runs with files of which one may be standard input. What comes in there is kept in a file meanwhile: files are read twice,
 * from their ends and on other threads. Messages name it `standard input`.
 *
 * @param paths As the command line has them.
 * @param options.dataDir Where the file is kept, if the folder is there: it may be the only one that can be written.
 * @param use Is given what stands for each of them.
 * @throws {Failure} `usage-invalid` where standard input is named twice; `file-unwritable`; what `use` throws.
 */
export async function withStandardInput<T>(
  paths: readonly string[],
  { dataDir, signal }: { dataDir: string; signal: AbortSignal },
  use: (pathOf: (path: string) => string) => Promise<T>,
): Promise<T> {
  const dashes = paths.filter((path) => path === dash).length;
  if (dashes === 0) return await use((path) => path);
  if (dashes > 1) {
    throw new Failure(
      "usage-invalid",
      "Standard input (-) is named twice, expected once: it can be read once.",
    );
  }
  const folder = writing(() => openFolder(dataDir));
  const kept = join(folder.path, "standard-input");
  try {
    await keep(kept, signal);
    return await use((path) => path === dash ? kept : path);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.kind, error.message.replaceAll(kept, shownName), error.errors);
  } finally {
    folder.close();
  }
}

function openFolder(dataDir: string): { path: string; close(): void } {
  if (existsSync(dataDir)) return openSpillFolder(dataDir);
  const path = Deno.makeTempDirSync({ prefix: "clickwell-" });
  return { path, close: () => Deno.removeSync(path, { recursive: true }) };
}

const pieceBytes = 2 ** 18;

async function keep(path: string, signal: AbortSignal): Promise<void> {
  const file = writing(() => Deno.openSync(path, { write: true, create: true, mode: 0o600 }));
  try {
    const piece = new Uint8Array(pieceBytes);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    // Whether it comes is for the race.
    aborted.catch(() => {});
    for (;;) {
      signal.throwIfAborted();
      const count = await Promise.race([Deno.stdin.read(piece), aborted]);
      if (count === null) return;
      writing(() => {
        for (let done = 0; done < count;) done += file.writeSync(piece.subarray(done, count));
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
      `Cannot keep standard input in a file: ${
        error instanceof Error ? error.message : error
      }. Make room in the folder of the store, or write it to a file yourself and name that.`,
    );
  }
}
