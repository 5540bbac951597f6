import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { cacheBytes, requireFree, reserveBytes } from "./disk_room.ts";
import { Failure } from "../failure.ts";
import { createJournal, type Journal, withPatience } from "./journal.ts";
import { migrate, readVersion } from "./migration.ts";
import { limitCache } from "./page_cache.ts";
import { checkSchema, createTables, requireSameTables } from "./schema.ts";
import { asFailure } from "./sqlite_failure.ts";

/** The open feature store: one SQLite database, `clickwell.db` in the data folder. */
export interface Store {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly journal: Journal;
  close(): void;
}

export interface StoreOptions {
  /** `create` makes the store where there is none; `write` and `read` need it there. `read` cannot change it. */
  readonly mode: "create" | "write" | "read";
  /** How long to wait for another process's transaction. A wait blocks the thread: keep it short on an event loop. */
  readonly busyTimeoutMs?: number;
  /** The connection stays open: its pages are not mapped, so that a file that is overwritten cannot end the process. */
  readonly isKept?: boolean;
  /** SQL of the user's tables and their view `examples`, for a new store; without it, those of loan offers. */
  readonly schema?: string;
  /** Refuse to write with less room than this on the disk. */
  readonly freeBytesMin?: number;
}

export const storeFileName = "clickwell.db";

const busyTimeoutMsDefault = 5_000;

/** Reading needs only room for the WAL index, and not even that where it is there already. */
const readReserveBytes = 2 ** 20;

/**
 * Opens the store of a data folder.
 *
 * @param dataDir Made, for its owner alone, where `mode` is `create` and it is not there.
 * @throws {Failure} `store-missing`; `store-invalid` for a folder that cannot be made, a link, a foreign or damaged file;
 *   `store-newer`; `store-busy` after `busyTimeoutMs`; `store-full`; `spec-invalid` for a schema that cannot be used.
 */
export function openStore(dataDir: string, options: StoreOptions): Store {
  const { mode, schema } = options;
  const path = join(dataDir, storeFileName);
  if (schema !== undefined) checkSchema(schema);
  if (mode === "create") makeFolder(dataDir);
  else requireStore(path);
  refuseLinks(path);
  requireSpace(path, options);

  let db: DatabaseSync | undefined;
  try {
    if (mode === "read" && fileAt(`${path}-journal`)) undoUnfinished(path, options);
    db = new DatabaseSync(path, { readOnly: mode === "read" });
    configure(db, options);
    const version = readVersion(db, path);
    if (version === 0 && mode !== "create") throw storeMissing(path);
    if (version === 0) createTables(db, schema);
    else if (schema !== undefined) requireSameTables(db, schema, path);
    migrate(db, { path, readOnly: mode === "read" });
  } catch (error) {
    db?.close();
    throw asFailure(error, `open ${path}`);
  }
  const open = db;
  return { db: open, path, journal: createJournal(open), close: () => open.close() };
}

/** What was cut short while it wrote in place is undone by the first who reads, if only that connection may write. */
function undoUnfinished(path: string, { busyTimeoutMs = busyTimeoutMsDefault }: StoreOptions): void {
  const db = new DatabaseSync(path);
  try {
    withPatience(db, busyTimeoutMs, () => db.prepare("PRAGMA schema_version").get());
  } finally {
    db.close();
  }
}

/** Settings are of the connection, save the journal mode, which stays with the file. */
function configure(db: DatabaseSync, options: StoreOptions): void {
  const { mode, busyTimeoutMs = busyTimeoutMsDefault, isKept = false } = options;
  db.exec(`
    PRAGMA busy_timeout = ${Math.round(busyTimeoutMs)};
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA temp_store = MEMORY;
  `);
  // Not yet in the types: without it, `PRAGMA writable_schema` could rewrite the schema.
  if ("enableDefensive" in db && typeof db.enableDefensive === "function") db.enableDefensive(true);
  if (mode === "read") {
    // The join that makes examples jumps from lead to lead: mapped pages spare a system call for each.
    // Writers do without: pages that are mapped while they are written count as memory of the process.
    db.exec(`PRAGMA mmap_size = ${isKept ? 0 : 2147418112}; PRAGMA query_only = ON`);
    limitCache(db, cacheBytes);
    return;
  }
  // A page size is of the file, and set before anything is in it. The join looks leads up by key: wider pages make it a
  // quarter faster than SQLite's 4 KiB.
  db.exec(`
    PRAGMA page_size = 16384;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 1000;
    PRAGMA journal_size_limit = ${reserveBytes};
  `);
  limitCache(db, cacheBytes);
}

function makeFolder(dataDir: string): void {
  try {
    Deno.mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Failure(
      "store-invalid",
      `Cannot make the data folder ${dataDir}: ${reason(error)}. Choose another with --data`,
    );
  }
}

function requireStore(path: string): void {
  if (!fileAt(path)) throw storeMissing(path);
}

function storeMissing(path: string): Failure {
  return new Failure(
    "store-missing",
    `There is no store at ${path}. Run clickwell ingest first, or name its folder with --data`,
  );
}

/**
 * The data folder is its operator's choice and may be a link; who can write in it must not be able to point the store
 * at a file elsewhere, so its files may not.
 */
function refuseLinks(path: string): void {
  for (const name of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) {
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

function requireSpace(path: string, { mode, freeBytesMin }: StoreOptions): void {
  if (mode === "read" && freeBytesMin === undefined && fileAt(`${path}-shm`)) return;
  requireFree(path, freeBytesMin ?? (mode === "read" ? readReserveBytes : reserveBytes));
}

/** @returns undefined where nothing is there; a link is not followed. */
function fileAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new Failure("store-invalid", `Cannot look at ${path}: ${reason(error)}.`);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/ \(os error .*$/, "") : String(error);
}
