import { DatabaseSync } from "node:sqlite";
import { requireFreeSpace, reserveBytes } from "./disk_space.ts";
import { Failure } from "../failure.ts";
import { withBusyTimeout } from "./journal.ts";
import { asFailure, hasCode } from "./sqlite_failure.ts";
import { openInMemoryCopy } from "./in_memory_copy.ts";

export interface FileOptions {
  /** `create` makes the file if it is not there; `write` and `read` need it there. `read` cannot change it. */
  readonly mode: "create" | "write" | "read";
  /** How long to wait for another process's transaction. A wait blocks the thread: keep it short on an event loop. */
  readonly busyTimeoutMs?: number;
  /** Refuse to write with less room than this on the disk. */
  readonly freeBytesMin?: number;
}

export const busyTimeoutMsDefault = 5_000;

/** Reading beside a write-ahead log needs room for its index, unless that is there already. */
const readReserveBytes = 2 ** 20;
const unopenableCode = 14;
/** What SQLite names the files beside a database. */
const suffixes = ["", "-wal", "-shm", "-journal"];

/**
 * Opens a database file with the settings that all of the program's connections have.
 *
 * @param configure Settings of this connection beyond them.
 * @throws {Failure} `store-invalid` for a link, a foreign or damaged file; `store-busy` after `busyTimeoutMs`; `store-full`.
 */
export function openFile(
  path: string,
  options: FileOptions,
  configure: (db: DatabaseSync) => void = () => {},
): DatabaseSync {
  const { mode, busyTimeoutMs = busyTimeoutMsDefault } = options;
  refuseLinks(path);
  requireSpace(path, options);
  let db: DatabaseSync | undefined;
  try {
    if (mode === "read" && fileAt(`${path}-journal`)) undoUnfinished(path, busyTimeoutMs);
    db = mode === "read" ? openToRead(path, busyTimeoutMs) : new DatabaseSync(path);
    db.exec(`
      PRAGMA busy_timeout = ${Math.round(busyTimeoutMs)};
      PRAGMA foreign_keys = ON;
      PRAGMA trusted_schema = OFF;
      PRAGMA cell_size_check = ON;
      PRAGMA temp_store = MEMORY;
    `);
    // Not yet in the types: without it, `PRAGMA writable_schema` could rewrite the schema.
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

/** A write that was cut short is undone by the first who reads, if only that connection may write. */
function undoUnfinished(path: string, busyTimeoutMs: number): void {
  using db = new DatabaseSync(path);
  withBusyTimeout(db, busyTimeoutMs, () => db.prepare("PRAGMA schema_version").get());
}

/** Removes a database and what SQLite keeps beside it. Nobody may have it open. */
export function removeDatabase(path: string): void {
  for (const suffix of suffixes) if (fileAt(path + suffix)) Deno.removeSync(path + suffix);
}

/** @returns Whether there was no folder before. */
export function makeFolder(dataDir: string): boolean {
  const isNew = fileAt(dataDir) === undefined;
  try {
    Deno.mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Failure(
      "store-invalid",
      `Cannot make the data folder ${dataDir}: ${reason(error)}. Choose another with --data`,
    );
  }
  return isNew;
}

/**
 * The data folder is its operator's choice and may be a link; who can write in it must not be able to point the store
 * at a file elsewhere, so its files may not.
 */
export function refuseLinks(path: string): void {
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

/** @returns undefined where nothing is there; a link is not followed. */
export function fileAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new Failure("store-invalid", `Cannot look at ${path}: ${reason(error)}.`);
  }
}

/** What the system said, without its number. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/ \(os error .*$/, "") : String(error);
}
