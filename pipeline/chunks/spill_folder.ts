import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { removeIfThere } from "../files/written_file.ts";

/** A folder beside the store for what a training has no memory for. It goes with the training. */
export interface SpillFolder {
  readonly path: string;
  /** Removes it. */
  close(): void;
}

const prefix = "spill-";
/** Locked as long as the process lives that the folder belongs to. */
const lockName = "lock";
/** Between making a folder and locking it lie microseconds. */
const unlockedAgeMsMin = 2_000;

/**
 * Makes the folder, for its owner alone, and removes those of trainings that were killed. Where it cannot be made, that is
 * said when something is written there: most trainings need no more than memory.
 */
export function openSpillFolder(dataDir: string): SpillFolder {
  removeAbandoned(dataDir);
  const path = join(dataDir, `${prefix}${randomUUID()}`);
  let lock: Deno.FsFile | undefined;
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
    lock = Deno.openSync(join(path, lockName), { write: true, createNew: true, mode: 0o600 });
    lock.lockSync(true);
  } catch { /* see above */ }
  return {
    path,
    close() {
      lock?.close();
      removeFolder(path);
    },
  };
}

function removeAbandoned(dataDir: string): void {
  try {
    for (const { name, isDirectory } of Deno.readDirSync(dataDir)) {
      const path = join(dataDir, name);
      if (name.startsWith(prefix) && isDirectory && isAbandoned(path)) removeFolder(path);
    }
  } catch { /* What cannot be looked at is no reason not to train. */ }
}

function isAbandoned(path: string): boolean {
  const { mtime } = Deno.lstatSync(path);
  if (mtime === null || Date.now() - mtime.getTime() < unlockedAgeMsMin) return false;
  try {
    using lock = Deno.openSync(join(path, lockName), { write: true });
    return lock.tryLockSync(true);
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

function removeFolder(path: string): void {
  try {
    for (const { name } of Deno.readDirSync(path)) removeIfThere(join(path, name));
  } catch { /* It is not there, or the next training removes it. */ }
  removeIfThere(path);
}
