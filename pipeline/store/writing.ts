import { DatabaseSync } from "node:sqlite";
import { withBusyTimeout } from "./journal.ts";
import { asFailure, hasCode, retryWhileBusy } from "./sqlite_failure.ts";
import type { Store } from "./store.ts";

/**
 * How long a load waits for a training that reads, or for another load, and a training for a load: as long as any of them
 * takes, but not for ever.
 */
export const lockTimeoutMsDefault = 600_000;
/** How long one try blocks the thread. */
const tryMs = 100;
const readOnlyCode = 8;

/**
 * Begins a transaction that writes, and waits for another process's without blocking the thread.
 *
 * @param options.action What cannot be done, where it cannot begin.
 * @param options.pause Called before each try: it may throw.
 * @throws {Failure} `store-busy` after `patienceMs`.
 */
export async function beginWriting(
  { db, path }: Pick<Store, "db" | "path">,
  { patienceMs = lockTimeoutMsDefault, action = `write to ${path}`, pause = () => {} }: {
    patienceMs?: number;
    action?: string;
    pause?: () => void;
  } = {},
): Promise<void> {
  await retryWhileBusy(patienceMs, () => {
    pause();
    try {
      withBusyTimeout(db, Math.min(tryMs, patienceMs), () => db.exec("BEGIN IMMEDIATE"));
    } catch (error) {
      throw asFailure(error, action);
    }
  });
}

/**
 * Keeps everyone from changing a store while it is read; who wants to write waits. Many connections then read the same.
 *
 * @param pause Called while a load is waited for: it may throw.
 * @returns What lets go of it; undefined where nothing can be written, and nothing can change.
 * @throws {Failure} `store-busy` where a load takes longer than anyone waits.
 */
export async function holdWriteLock(path: string, pause: () => void): Promise<Disposable | undefined> {
  const db = new DatabaseSync(path);
  try {
    if (!canWrite(db)) {
      db.close();
      return undefined;
    }
    await beginWriting({ db, path }, { pause });
    return { [Symbol.dispose]: () => db.close() };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Whether a transaction that writes can be begun, now or later. */
function canWrite(db: DatabaseSync): boolean {
  try {
    withBusyTimeout(db, 0, () => db.exec("BEGIN IMMEDIATE; ROLLBACK"));
  } catch (error) {
    return !hasCode(error, readOnlyCode);
  }
  return true;
}
