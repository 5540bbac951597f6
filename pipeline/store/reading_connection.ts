import { DatabaseSync } from "node:sqlite";
import { limitCache } from "./sqlite.ts";

export interface ReadingMemory {
  /** How much of the store is mapped: mapped pages spare a system call for each, and count as memory of the process. */
  readonly mappedBytes: number;
  readonly cacheBytes: number;
}

/** For tables that are read from one end to the other: each page is met once. */
export const scanMemory: ReadingMemory = { mappedBytes: 0, cacheBytes: 2 ** 20 };

/** Opens a store for one thread of the training, which only reads it. */
export function openReadingConnection(
  path: string,
  { mappedBytes, cacheBytes }: ReadingMemory,
): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true });
  db.exec(
    `PRAGMA mmap_size = ${mappedBytes}; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 5000`,
  );
  limitCache(db, cacheBytes);
  return db;
}
