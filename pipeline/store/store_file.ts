import { DatabaseSync } from "node:sqlite";
import { requireFreeSpace, reserveBytes } from "./disk_space.ts";
import { Failure } from "../failure.ts";
import { withBusyTimeout } from "./journal.ts";
import { asFailure, hasCode } from "./sqlite_failure.ts";
import { openInMemoryCopy } from "./in_memory_copy.ts";

export interface FileOptions {
  /** `create` creates the file if it is missing; `write` and `read` require it. `read` cannot change it. */
  readonly mode: "create" | "write" | "read";
  /** How long to wait for another process's transaction. The wait blocks the thread: keep it short on an event loop. */
  readonly busyTimeoutMs?: number;
  /** Free disk space without which the file is not opened. */
  readonly freeBytesMin?: number;
}

export const busyTimeoutMsDefault = 5_000;

/** Reading a database with a WAL needs disk space for the WAL index, unless it exists. */
const readReserveBytes = 2 ** 20;
const unopenableCode = 14;
/** Suffixes of a database and of the files that SQLite adds to it. */
const suffixes = ["", "-wal", "-shm", "-journal"];

/**
 * Opens a database file with the settings that all connections of the program have.
 *
 * @param configure Adds settings of this connection.
 * @throws {Failure} `store-invalid` for a link, a damaged file or one of another program; `store-busy` after `busyTimeoutMs`;
 *   `store-full`.
 */
export function openFile(
  path: string,
  options: FileOptions,
  configure: (db: DatabaseSync) => void = () => {},
): DatabaseSync {
  const { mode, busyTimeoutMs = busyTimeoutMsDefault } = options;
  rejectLinks(path);
  requireSpace(path, options);
  let db: DatabaseSync | undefined;
  try {
    if (mode === "read" && fileAt(`${path}-journal`)) rollBackHotJournal(path, busyTimeoutMs);
    db = mode === "read" ? openToRead(path, busyTimeoutMs) : new DatabaseSync(path);
    db.exec(`
      PRAGMA busy_timeout = ${Math.round(busyTimeoutMs)};
      PRAGMA foreign_keys = ON;
      PRAGMA trusted_schema = OFF;
      PRAGMA cell_size_check = ON;
      PRAGMA temp_store = MEMORY;
    `);
    // Without defensive mode, `PRAGMA writable_schema` could rewrite the schema. The types do not declare the method yet.
    if ("enableDefensive" in db && typeof db.enableDefensive === "function") db.enableDefensive(true);
    configure(db);
    return db;
  } catch (error) {
    db?.close();
    throw asFailure(error, `open ${path}`);
  }
}

function openToRead(path: string, busyTimeoutMs: number): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    withBusyTimeout(db, busyTimeoutMs, () => db.prepare("PRAGMA schema_version").get());
    return db;
  } catch (error) {
    db.close();
    const copy = hasCode(error, unopenableCode) ? openInMemoryCopy(path) : undefined;
    if (copy) return copy;
    throw error;
  }
}

/** Rolls back an interrupted transaction. SQLite does this at the first read of a connection that may write. */
function rollBackHotJournal(path: string, busyTimeoutMs: number): void {
  using db = new DatabaseSync(path);
  withBusyTimeout(db, busyTimeoutMs, () => db.prepare("PRAGMA schema_version").get());
}

/** Removes a database and the files that SQLite added to it. No connection may have it open. */
export function removeDatabase(path: string): void {
  for (const suffix of suffixes) if (fileAt(path + suffix)) Deno.removeSync(path + suffix);
}

/** Creates the data folder if it is missing, with permissions for its owner only. @throws {Failure} `store-invalid` */
export function createDataFolder(dataDir: string): void {
  try {
    Deno.mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Failure(
      "store-invalid",
      `Cannot create the data folder ${dataDir}: ${reason(error)}. Choose another with --data`,
    );
  }
}

/**
 * Rejects database files that are not regular files. The data folder is the operator's choice and may be a link, but a
 * user who can write to it must not be able to point the store at a file elsewhere.
 *
 * @throws {Failure} `store-invalid`
 */
export function rejectLinks(path: string): void {
  for (const name of suffixes.map((suffix) => path + suffix)) {
    const info = fileAt(name);
    if (info && !info.isFile) {
      const found = info.isSymlink ? "a symbolic link" : info.isDirectory ? "a folder" : "no regular file";
      throw new Failure(
        "store-invalid",
        `Cannot open the store: ${name} is ${found}, expected a file. Move it away.`,
      );
    }
  }
}

function requireSpace(path: string, { mode, freeBytesMin }: FileOptions): void {
  if (mode !== "read" || freeBytesMin !== undefined) {
    return requireFreeSpace(path, freeBytesMin ?? reserveBytes);
  }
  if (fileAt(`${path}-wal`) && !fileAt(`${path}-shm`)) requireFreeSpace(path, readReserveBytes);
}

/** Returns the facts about a file, without following a link; undefined if there is none. */
export function fileAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new Failure("store-invalid", `Cannot look at ${path}: ${reason(error)}.`);
  }
}

/** Returns the message of a system error, without its number. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/ \(os error .*$/, "") : String(error);
}
