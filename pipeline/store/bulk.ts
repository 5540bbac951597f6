import { Failure } from "../failure.ts";
import { type JournalMode, withBusyTimeout } from "./journal.ts";
import { asFailure, retryWhileBusy, sqliteCode } from "./sqlite_failure.ts";
import type { Store } from "./store.ts";
import { lockTimeoutMsDefault } from "./writing.ts";

/** Loads into a store, one transaction each, all of it safe on the disk before the next one begins. */
export interface Bulk {
  /**
   * @param options.isAlone Nobody needs to read the store meanwhile, on a connection of their own.
   * @throws {Failure} `store-busy` where somebody still has to, and another process does not let go of the store.
   */
  load<Result>(work: () => Promise<Result>, options: { isAlone: boolean }): Promise<Result>;
  /** Afterwards the store is a single file again, unless others have it open: then they read on beside who writes. */
  end(): void;
}

/** How long one try blocks the thread. */
const tryMs = 100;

/** @param options.patienceMs How long a load waits for who reads or writes. */
export function openBulk(
  store: Store,
  { patienceMs = lockTimeoutMsDefault }: { patienceMs?: number } = {},
): Bulk {
  let mode: JournalMode | undefined;
  const turn = (wanted: JournalMode, waitMs: number) => {
    if (mode !== wanted && store.journal.use(wanted, waitMs)) mode = wanted;
    return mode === wanted;
  };
  return {
    async load(work, { isAlone }) {
      // Who has the store open would be kept from it: then all goes by the log.
      if (isAlone && turn("rollback", 0)) return await work();
      await retryWhileBusy(patienceMs, () => {
        if (!turn("wal", Math.min(tryMs, patienceMs))) throw readWithoutPause(store);
      });
      return await inWalMode(store, work);
    },
    end() {
      try {
        turn("rollback", 0);
      } catch (error) {
        // A full disk, say: why a load failed is what is told, and the next connection that writes turns it.
        if (sqliteCode(error) === undefined) throw error;
      }
    },
  };
}

function readWithoutPause({ path }: Store): Failure {
  return new Failure(
    "store-busy",
    `Cannot load into ${path}: another clickwell reads it without a pause. Try again.`,
  );
}

/**
 * With the log synced when it is folded into the database, not at each of its writes; the fold comes right behind, so
 * that what has been reported as loaded survives a power cut.
 */
async function inWalMode<Result>(store: Store, load: () => Promise<Result>): Promise<Result> {
  store.db.exec("PRAGMA synchronous = NORMAL");
  try {
    const result = await load();
    checkpoint(store);
    return result;
  } catch (error) {
    // Gives back the room that the log of a failed load takes, where it can; why the load failed is what is said.
    attempt(() => checkpoint(store));
    throw error;
  } finally {
    store.db.exec("PRAGMA synchronous = FULL");
  }
}

function attempt(action: () => void): void {
  try {
    action();
  } catch { /* tried only */ }
}

/** A reader can hold the fold up; it is not worth waiting for: the log has been synced before. */
const foldWaitMs = 100;

function checkpoint({ db, path }: Store): void {
  try {
    withBusyTimeout(db, foldWaitMs, () => db.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  } catch (error) {
    throw asFailure(error, `fold the log of ${path} into it`);
  }
}
