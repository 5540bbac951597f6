import type { DatabaseSync } from "node:sqlite";
import { hasCode, sqliteCode } from "./sqlite_failure.ts";

/**
 * SQLite's journal modes. `wal`: writes go to a write-ahead log and are checkpointed into the database later; other
 * connections can read during a write. `rollback`: new pages are written to the database directly and only once, which is why
 * SQLite recommends it for large transactions (https://sqlite.org/wal.html); other connections wait during a write.
 */
export type JournalMode = "wal" | "rollback";

/** The journal of a store. It is in rollback mode, except during a load that allows concurrent readers. */
export type Journal = ReturnType<typeof createJournal>;

const pragmas = { wal: "wal", rollback: "delete" } as const;
const busyCode = 5;

export function createJournal(db: DatabaseSync) {
  let changes = 0;
  let version = dataVersion(db);

  const externalChanges = () => {
    const now = dataVersion(db);
    if (now !== version) changes++;
    version = now;
    return changes;
  };
  return {
    /** Returns a number that increases with each change by another connection that is noticed. */
    externalChanges,
    /**
     * Changes the mode.
     *
     * @param waitMs How long to wait for other connections.
     * @returns Whether the store is in this mode now; false while another connection has it open.
     */
    use(mode: JournalMode, waitMs: number): boolean {
      // A change of the mode alters the data version as a write of another connection does.
      externalChanges();
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

/**
 * Returns a file to rollback mode if no other connection has it open, so that it can be read in a read-only folder: in WAL mode
 * every reader must be able to create the WAL index. Ignores errors of SQLite, as on a full disk: the next writer does it.
 */
export function leaveWalMode(journal: Journal): void {
  try {
    journal.use("rollback", 0);
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error;
  }
}

/** Runs `work` with this busy timeout. */
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
