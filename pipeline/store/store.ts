import type { DatabaseSync } from "node:sqlite";
import { cacheBytes, reserveBytes } from "./disk_space.ts";
import { Failure } from "../failure.ts";
import { createJournal, type Journal } from "./journal.ts";
import { layoutOf } from "./layout.ts";
import { isOlder, migrate, readVersion, tablesSteps } from "./migration.ts";
import { finishSplit, isOlderFile, splitOlder } from "./upgrade/older_store.ts";
import { limitCache } from "./sqlite.ts";
import { checkSchema, createTables, differingTables, isUnused } from "./schema.ts";
import { asFailure, sqliteCode } from "./sqlite_failure.ts";
import { fileAt, type FileOptions, makeFolder, openFile, removeDatabase } from "./store_file.ts";

/** The open store of examples: one SQLite database, `tables.db` in the data folder, with the user's tables. */
export interface Store {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly journal: Journal;
  /** It was made by this opening. */
  readonly isNew: boolean;
  /** It is that of an older version, open for reading as it is: one file, with the registry in it. */
  readonly isOlder: boolean;
  close(): void;
}

export interface StoreOptions extends FileOptions {
  /** The connection stays open: its pages are not mapped, so that a file that is overwritten cannot end the process. */
  readonly isKept?: boolean;
  /** SQL of the user's tables and their view `examples`, for a new store; without it, those of loan offers. */
  readonly schema?: string;
}

/**
 * Opens the tables of a data folder. A store of an older version is first split into two files, unless it is opened for
 * reading: then it is read as it is.
 *
 * @param dataDir Made, for its owner alone, where `mode` is `create` and it is not there.
 * @throws {Failure} `store-missing`; `store-invalid` for a folder that cannot be made, a link, a foreign or damaged file;
 *   `store-newer`; `store-busy` after `busyTimeoutMs`; `store-full`; `spec-invalid` for a schema that cannot be used.
 */
export function openStore(dataDir: string, options: StoreOptions): Store {
  const { mode, schema } = options;
  if (schema !== undefined) checkSchema(schema);
  if (mode === "create") makeFolder(dataDir);
  const path = placeOf(dataDir, options);
  for (;;) {
    const db = openFile(path, options, (db) => configure(db, options));
    try {
      const version = readVersion(db, path);
      if (isOlder(version) && mode !== "read") {
        db.close();
        splitOlder(dataDir, options);
        continue;
      }
      if (version === 0 && mode !== "create") throw tablesMissing(dataDir);
      const isNew = version === 0 && createTables(db, schema);
      if (!isNew && schema !== undefined && !hasSchema(db, schema, path)) {
        db.close();
        removeDatabase(path);
        continue;
      }
      if (!isOlder(version)) migrate(db, { path, readOnly: mode === "read", steps: tablesSteps });
      return storeOf(db, { path, mode, isNew, isOlder: isOlder(version) });
    } catch (error) {
      if (db.isOpen) db.close();
      throw asFailure(error, `open ${path}`);
    }
  }
}

/** Where the tables are, or are to be made. */
function placeOf(dataDir: string, options: StoreOptions): string {
  const { mode } = options;
  const { tables, registry } = layoutOf(dataDir);
  finishSplit(dataDir, options);
  if (fileAt(tables)) return tables;
  if (isOlderFile(registry, options)) {
    if (mode === "read") return registry;
    splitOlder(dataDir, options);
  } else if (mode !== "create") throw tablesMissing(dataDir);
  return tables;
}

function storeOf(
  db: DatabaseSync,
  { mode, ...facts }: Pick<Store, "path" | "isNew" | "isOlder"> & Pick<StoreOptions, "mode">,
): Store {
  const journal = createJournal(db);
  return {
    db,
    journal,
    ...facts,
    close() {
      if (mode !== "read") settle(db, journal);
      db.close();
    },
  };
}

/**
 * The last writer that has the file to itself leaves it so that it can be read where nothing can be written: a write-ahead log
 * has an index, which every reader has to be able to make.
 */
function settle(db: DatabaseSync, journal: Journal): void {
  try {
    if (!db.isTransaction) journal.use("rollback", 0);
  } catch (error) {
    // A full disk, say: the next one to write does it.
    if (sqliteCode(error) === undefined) throw error;
  }
}

/** Makes the tables a single file again where nobody else has them open, if somebody left them with a log. Never throws. */
export function settleTables(dataDir: string): void {
  const { tables } = layoutOf(dataDir);
  try {
    if (!fileAt(`${tables}-wal`)) return;
    const db = openFile(tables, { mode: "write", busyTimeoutMs: 0 });
    settle(db, createJournal(db));
    db.close();
  } catch { /* They can be read as they are, and the next one to write does it. */ }
}

/**
 * Whether the store was made from this schema.
 *
 * @returns False for another one, where nothing was ever loaded: what a load left behind that was cut short.
 * @throws {Failure} `store-invalid` where it was made from another, and is in use.
 */
function hasSchema(db: DatabaseSync, schema: string, path: string): boolean {
  const differing = differingTables(db, schema);
  if (differing.length === 0) return true;
  if (isUnused(db) && createJournal(db).use("rollback", 0)) return false;
  throw new Failure(
    "store-invalid",
    `Cannot use this schema with ${path}: the store was made from another one (${
      differing.join(", ")
    } differ). ` +
      "Leave --schema out, or choose another folder with --data",
  );
}

/** Settings are of the connection, save the journal mode, which stays with the file. */
function configure(db: DatabaseSync, { mode, isKept = false }: StoreOptions): void {
  if (mode === "read") {
    // The join that makes examples jumps from lead to lead: mapped pages spare a system call for each.
    // Writers do without: pages that are mapped while they are written count as memory of the process.
    db.exec(`PRAGMA mmap_size = ${isKept ? 0 : 2147418112}; PRAGMA query_only = ON`);
  } else {
    // A page size is of the file, and set before anything is in it. The join looks leads up by key: wider pages make it a
    // quarter faster than SQLite's 4 KiB.
    db.exec(`
      PRAGMA page_size = 16384;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 1000;
      PRAGMA journal_size_limit = ${reserveBytes};
    `);
  }
  limitCache(db, cacheBytes);
}

function tablesMissing(dataDir: string): Failure {
  const { tables, registry } = layoutOf(dataDir);
  return new Failure(
    "store-missing",
    `There ${
      fileAt(registry) ? "are no tables" : "is no store"
    } at ${tables}. Run clickwell ingest first, or name its folder with --data`,
  );
}
