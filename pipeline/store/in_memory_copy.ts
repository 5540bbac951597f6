import { DatabaseSync } from "node:sqlite";

/** Largest database that is copied: each connection has its own copy. */
const bytesMax = 256 * 2 ** 20;
/** File format write and read version in SQLite's header: 2 in both in WAL mode, else 1. https://sqlite.org/fileformat.html */
const versionsAt = [18, 19];
const [rollbackVersion, walVersion] = [1, 2];

/**
 * Opens a copy in memory of a database that was left in WAL mode in a read-only folder, where SQLite cannot create the WAL
 * index that it needs to read the file.
 *
 * @returns undefined if there is a WAL, the file is larger than 256 MiB, or the runtime cannot do it (Deno 2.9 can).
 */
export function openInMemoryCopy(path: string): DatabaseSync | undefined {
  const db = new DatabaseSync(":memory:");
  if (!("deserialize" in db) || typeof db.deserialize !== "function" || !canCopy(path)) return undefined;
  // This process has no connection to the file here; closing the file would release a connection's POSIX locks.
  const bytes = Deno.readFileSync(path);
  if (versionsAt.some((at) => bytes[at] !== walVersion)) return undefined;
  for (const at of versionsAt) bytes[at] = rollbackVersion;
  db.deserialize(bytes);
  return db;
}

function canCopy(path: string): boolean {
  if (Deno.statSync(path).size > bytesMax) return false;
  try {
    return Deno.statSync(`${path}-wal`).size === 0;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
