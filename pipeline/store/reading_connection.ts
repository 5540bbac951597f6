import { DatabaseSync } from "node:sqlite";
import { limitCache } from "./sqlite.ts";

export interface ReadingMemory {
  /** Bytes of the store that are mapped. A mapped page needs no system call, and counts as memory of the process. */
  readonly mappedBytes: number;
  readonly cacheBytes: number;
}

/** Memory for full table scans, which read each page once. */
export const scanMemory: ReadingMemory = { mappedBytes: 0, cacheBytes: 2 ** 20 };

/** Opens a store for reading by one thread of a load or a training. */
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
