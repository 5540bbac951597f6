import { Failure } from "../failure.ts";
import { type JournalMode, leaveWalMode, withBusyTimeout } from "./journal.ts";
import { asFailure, retryWhileBusy } from "./sqlite_failure.ts";
import type { Store } from "./store.ts";
import { lockTimeoutMsDefault } from "./writing.ts";

/** How long one attempt blocks the thread. */
const attemptMs = 100;

/**
 * A series of loads into a store, one transaction each. Each is durable before the next begins.
 *
 * @param options.lockTimeoutMs How long a load waits for readers and writers.
 */
export function openBulk(
  store: Store,
  { lockTimeoutMs = lockTimeoutMsDefault }: { lockTimeoutMs?: number } = {},
) {
  let mode: JournalMode | undefined;
  const setMode = (wanted: JournalMode, waitMs: number) => {
    try {
      if (mode !== wanted && store.journal.use(wanted, waitMs)) mode = wanted;
    } catch (error) {
      throw asFailure(error, `write to ${store.path}`);
    }
    return mode === wanted;
  };
  return {
    /**
     * Runs a load in rollback mode if it is alone and no other connection has the store open, else in WAL mode.
     *
     * @param options.isAlone Whether no other connection needs to read the store during the load.
     * @throws {Failure} `store-busy` if the load needs WAL mode, and another process keeps the store locked; `store-invalid`
     *   if the store cannot be written.
     */
    async load<Result>(work: () => Promise<Result>, { isAlone }: { isAlone: boolean }): Promise<Result> {
      // In WAL mode other connections can go on reading.
      if (isAlone && setMode("rollback", 0)) return await work();
      await retryWhileBusy(lockTimeoutMs, () => {
        if (!setMode("wal", Math.min(attemptMs, lockTimeoutMs))) throw neverUnlocked(store);
      });
      return await inWalMode(store, work);
    },
    /** Returns the store to rollback mode, in which it is a single file, unless other connections have it open. */
    end: (): void => leaveWalMode(store.journal),
  };
}

function neverUnlocked({ path }: Store): Failure {
  return new Failure(
    "store-busy",
    `Cannot load into ${path}: another clickwell reads it without a pause. Try again.`,
  );
}

/**
 * Runs a load with synchronous = NORMAL, which syncs the WAL at checkpoints instead of at each commit. A checkpoint follows
 * at once, so that a load that has been reported survives a power cut.
 */
async function inWalMode<Result>(store: Store, load: () => Promise<Result>): Promise<Result> {
  store.db.exec("PRAGMA synchronous = NORMAL");
  try {
    const result = await load();
    checkpoint(store);
    return result;
  } catch (error) {
    try {
      // Frees the disk space of a failed load's WAL.
      checkpoint(store);
    } catch { /* The failure of the load is reported. */ }
    throw error;
  } finally {
    store.db.exec("PRAGMA synchronous = FULL");
  }
}

/** A reader can block the checkpoint. Longer waits are not needed: the WAL has been synced before. */
const checkpointWaitMs = 100;

function checkpoint({ db, path }: Store): void {
  try {
    withBusyTimeout(db, checkpointWaitMs, () => db.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  } catch (error) {
    throw asFailure(error, `checkpoint ${path}`);
  }
}
