import { DatabaseSync } from "node:sqlite";

/** What is read into memory at most: it is done for each connection. */
const bytesMax = 256 * 2 ** 20;
/** Of SQLite's header: 2 in both for a file with a write-ahead log, 1 for one without. https://sqlite.org/fileformat.html */
const versionsAt = [18, 19];
const [withoutLog, withLog] = [1, 2];

/**
 * Opens a database that was left in write-ahead mode, in a folder where its index cannot be made, as a copy in memory.
 *
 * @returns undefined where it has a log, is too large, or this runtime cannot (Deno 2.9 can).
 */
export function openUnloggedCopy(path: string): DatabaseSync | undefined {
  const db = new DatabaseSync(":memory:");
  if (!("deserialize" in db) || typeof db.deserialize !== "function" || !isWhole(path)) return undefined;
  // Nobody has the file open here: to close it would let go of their locks.
  const bytes = Deno.readFileSync(path);
  if (versionsAt.some((at) => bytes[at] !== withLog)) return undefined;
  for (const at of versionsAt) bytes[at] = withoutLog;
  db.deserialize(bytes);
  return db;
}

function isWhole(path: string): boolean {
  if (Deno.statSync(path).size > bytesMax) return false;
  try {
    return Deno.statSync(`${path}-wal`).size === 0;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
