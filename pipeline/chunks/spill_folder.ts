import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { removeIfThere } from "../files/written_file.ts";

const prefix = "spill-";
/** Locked while the process that created the folder runs. */
const lockName = "lock";
/** A younger folder may be about to be locked, which takes microseconds. */
const unlockedAgeMsMin = 2_000;

/**
 * A folder in the data directory for chunks of one training run that exceed its memory budget.
 * Creates the folder, with access for its owner only, and removes the folders of killed training runs. If it cannot be
 * created, the first write to it fails: most training runs fit into memory and never write.
 */
export function openSpillFolder(dataDir: string) {
  removeAbandoned(dataDir);
  const path = join(dataDir, `${prefix}${randomUUID()}`);
  let lock: Deno.FsFile | undefined;
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
    lock = Deno.openSync(join(path, lockName), { write: true, createNew: true, mode: 0o600 });
    lock.lockSync(true);
  } catch { /* The first write reports it. */ }
  return {
    path,
    /** Removes the folder. */
    close(): void {
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
  } catch { /* Leftovers that cannot be removed do not prevent a training run. */ }
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
  } catch { /* It does not exist, or the next training run removes it. */ }
  removeIfThere(path);
}
