import { DatabaseSync } from "node:sqlite";
import { withBusyTimeout } from "./journal.ts";
import { asFailure, hasCode, retryWhileBusy } from "./sqlite_failure.ts";
import type { Store } from "./store.ts";

/** How long a load waits for a training or another load, and a training for a load: longer than any of them should take. */
export const lockTimeoutMsDefault = 600_000;
/** How long one attempt blocks the thread. */
const attemptMs = 100;
const readOnlyCode = 8;

/**
 * Begins a write transaction, and waits for those of other processes without blocking the thread.
 *
 * @param options.action What fails if it cannot begin, as in `Cannot ${action}`.
 * @param options.beforeAttempt Called before each attempt; it may throw.
 * @throws {Failure} `store-busy` after `lockTimeoutMs`.
 */
export async function beginWriting(
  { db, path }: Pick<Store, "db" | "path">,
  { lockTimeoutMs = lockTimeoutMsDefault, action = `write to ${path}`, beforeAttempt = () => {} }: {
    lockTimeoutMs?: number;
    action?: string;
    beforeAttempt?: () => void;
  } = {},
): Promise<void> {
  await retryWhileBusy(lockTimeoutMs, () => {
    beforeAttempt();
    try {
      withBusyTimeout(db, Math.min(attemptMs, lockTimeoutMs), () => db.exec("BEGIN IMMEDIATE"));
    } catch (error) {
      throw asFailure(error, action);
    }
  });
}

/**
 * Holds the write lock of a store, so that several connections read the same content. Writers wait.
 *
 * @param beforeAttempt Called before each attempt to take the lock; it may throw.
 * @returns The lock; undefined if the store is read-only, and so cannot change.
 * @throws {Failure} `store-busy` after `lockTimeoutMsDefault`.
 */
export async function holdWriteLock(
  path: string,
  beforeAttempt: () => void,
): Promise<Disposable | undefined> {
  const db = new DatabaseSync(path);
  try {
    if (!canWrite(db)) {
      db.close();
      return undefined;
    }
    await beginWriting({ db, path }, { beforeAttempt });
    return { [Symbol.dispose]: () => db.close() };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Returns whether a write transaction can begin, now or later. */
function canWrite(db: DatabaseSync): boolean {
  try {
    withBusyTimeout(db, 0, () => db.exec("BEGIN IMMEDIATE; ROLLBACK"));
  } catch (error) {
    return !hasCode(error, readOnlyCode);
  }
  return true;
}
