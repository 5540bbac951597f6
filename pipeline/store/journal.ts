import type { DatabaseSync } from "node:sqlite";
import { hasCode } from "./sqlite_failure.ts";

/**
 * How what a connection writes gets into the store. `log`: into a log first (SQLite's WAL mode), from which it is folded
 * into the database later; others read meanwhile. `direct`: new pages go to their place at once and are written only once,
 * which is why SQLite advises it for large transactions (https://sqlite.org/wal.html); others have to wait meanwhile.
 */
export type JournalMode = "wal" | "rollback";

/** The journal of a store, which is in the mode `direct` but for the time of a load that others can read beside. */
export interface Journal {
  /**
   * @param waitMs How long to wait for other connections.
   * @returns Whether the store is in this mode now: not as long as another connection has it open.
   */
  use(mode: JournalMode, waitMs: number): boolean;
  /** Another number after each change by another connection that has been noticed. */
  externalChanges(): number;
}

const pragmas = { wal: "wal", rollback: "delete" } as const;
const busyCode = 5;

export function createJournal(db: DatabaseSync): Journal {
  let changes = 0;
  let version = dataVersion(db);

  const foreignChanges = () => {
    const now = dataVersion(db);
    if (now !== version) changes++;
    version = now;
    return changes;
  };
  return {
    externalChanges: foreignChanges,
    use(mode, waitMs) {
      // A turn from one mode to the other looks like a change by somebody else.
      foreignChanges();
      try {
        const wanted = pragmas[mode];
        const found = withBusyTimeout(db, waitMs, () => db.prepare(`PRAGMA journal_mode = ${wanted}`).get());
        return found?.journal_mode === wanted;
      } catch (error) {
        if (!hasCode(error, busyCode)) throw error;
        return false;
      } finally {
        version = dataVersion(db);
      }
    },
  };
}

/** Does something that waits for other connections no longer than that. */
export function withBusyTimeout<Result>(db: DatabaseSync, waitMs: number, work: () => Result): Result {
  const timeout = Number(db.prepare("PRAGMA busy_timeout").get()?.timeout);
  try {
    db.exec(`PRAGMA busy_timeout = ${Math.round(waitMs)}`);
    return work();
  } finally {
    db.exec(`PRAGMA busy_timeout = ${timeout}`);
  }
}

function dataVersion(db: DatabaseSync): unknown {
  return db.prepare("PRAGMA data_version").get()?.data_version;
}
