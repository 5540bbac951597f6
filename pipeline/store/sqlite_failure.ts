import { setTimeout } from "node:timers/promises";
import { Failure, type FailureKind } from "../failure.ts";

/** SQLite's primary result codes with causes outside of the program. https://sqlite.org/rescode.html */
const kinds: Readonly<Record<number, { kind: FailureKind; text: string; repair: string }>> = {
  5: { kind: "store-busy", text: "database is locked", repair: "Another clickwell writes to it: try again." },
  6: {
    kind: "store-busy",
    text: "database table is locked",
    repair: "Another clickwell writes to it: try again.",
  },
  8: {
    kind: "store-invalid",
    text: "attempt to write a readonly database",
    repair: "Its disk, its folder or the file is read-only.",
  },
  10: { kind: "store-invalid", text: "disk I/O error", repair: "The disk failed, is full or is read-only." },
  11: {
    kind: "store-invalid",
    text: "database disk image is malformed",
    repair: "It is damaged: restore a backup, or move it away and run clickwell ingest again.",
  },
  13: { kind: "store-full", text: "database or disk is full", repair: "Free some space and try again." },
  14: {
    kind: "store-invalid",
    text: "unable to open database file",
    repair:
      "SQLite could not create its files in the same folder. Writing needs a writable folder; so does, once, reading a file " +
      "that was left with a write-ahead log: run clickwell serve, or any command that writes to the store, on it.",
  },
  26: {
    kind: "store-invalid",
    text: "file is not a database",
    repair: "It is not a SQLite database, or damaged: move it away, or choose another folder with --data.",
  },
};

/** Returns SQLite's extended result code; undefined for an error that SQLite did not throw. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_SQLITE_ERROR") return undefined;
  if ("errcode" in error && typeof error.errcode === "number") return error.errcode;
  // Errors of DatabaseSync.exec and of the constructor lack the code.
  const known = Object.entries(kinds).find(([, { text }]) => error.message.startsWith(text));
  return known ? Number(known[0]) : undefined;
}

/** Returns whether SQLite threw an error with this primary result code, or with one that extends it. */
export function hasCode(error: unknown, primary: number): boolean {
  return ((sqliteCode(error) ?? 0) & 0xff) === primary;
}

/**
 * Converts an error of SQLite into a failure that the user can act on. Returns any other error unchanged.
 *
 * @param action What failed, as in `Cannot ${action}`.
 */
export function asFailure(error: unknown, action: string): unknown {
  const code = sqliteCode(error);
  const known = code === undefined ? undefined : kinds[code & 0xff];
  return known ? new Failure(known.kind, `Cannot ${action}: ${known.text}. ${known.repair}`) : error;
}

const retryPauseMs = 25;

/**
 * Calls `attempt` until the store is not busy, with pauses in which the event loop runs.
 *
 * @param signal Ends the wait.
 * @throws What the last attempt threw: `store-busy` only after `timeoutMs`, or the signal.
 */
export async function retryWhileBusy<T>(
  timeoutMs: number,
  attempt: () => T,
  signal?: AbortSignal,
): Promise<T> {
  for (const deadline = performance.now() + timeoutMs;;) {
    try {
      return attempt();
    } catch (error) {
      const busy = error instanceof Failure && error.kind === "store-busy";
      if (!busy || performance.now() > deadline) throw error;
      await setTimeout(retryPauseMs, undefined, signal ? { signal } : {}).catch(() => {});
      if (signal?.aborted) throw error;
    }
  }
}
