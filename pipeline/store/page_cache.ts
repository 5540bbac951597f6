import type { DatabaseSync } from "node:sqlite";

/**
 * Limits the memory in which a connection holds pages.
 *
 * SQLite turns the bytes into a number of pages when it is told them, and until it has read the file it takes its pages
 * for 4 KiB: told first, it would hold four times as much of a store. So the file is read first.
 */
export function limitCache(db: DatabaseSync, bytes: number): void {
  db.prepare("PRAGMA schema_version").get();
  db.exec(`PRAGMA cache_size = -${bytes / 1_024}`);
}
