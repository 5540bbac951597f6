import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Returns a name as a quoted SQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Makes a statement return its rows as arrays: an object per row would cost as much again as the row itself. Deno has the
 * method, but its types do not declare it yet.
 */
export function arrays(
  statement: StatementSync & { setReturnArrays?(enabled: boolean): void },
): StatementSync {
  statement.setReturnArrays?.(true);
  return statement;
}

/**
 * Limits the memory of a connection's page cache.
 *
 * SQLite converts the bytes into a number of pages when it executes the pragma, and assumes pages of 4 KiB until it has read
 * the file: before the first read, the limit would be four times as high as intended for a store. So the file is read first.
 */
export function limitCache(db: DatabaseSync, bytes: number): void {
  db.prepare("PRAGMA schema_version").get();
  db.exec(`PRAGMA cache_size = -${bytes / 1_024}`);
}
