import type { DatabaseSync } from "node:sqlite";
import { cacheBytes, reserveBytes } from "./disk_space.ts";
import { Failure } from "../failure.ts";
import { createJournal, type Journal, leaveWalMode } from "./journal.ts";
import { layoutOf } from "./layout.ts";
import { isOlder, migrate, readVersion, tablesSteps } from "./migration.ts";
import { finishSplit, isOlderFile, splitOlder } from "./upgrade/older_store.ts";
import { limitCache } from "./sqlite.ts";
import { checkSchema, createTables, differingTables, isUnused } from "./schema.ts";
import { asFailure } from "./sqlite_failure.ts";
import { createDataFolder, fileAt, type FileOptions, openFile, removeDatabase } from "./store_file.ts";

/** An open store: the SQLite database `tables.db` in the data folder, with the user's tables. */
export interface Store {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly journal: Journal;
  /** Whether it was created when it was opened. */
  readonly isNew: boolean;
  /** Whether it is of an older version and open for reading: one file that contains the registry, too. */
  readonly isOlder: boolean;
  close(): void;
}

export interface StoreOptions extends FileOptions {
  /** Whether the connection stays open. Then pages are not mapped, so that overwriting the file cannot crash the process. */
  readonly isLongLived?: boolean;
  /** SQL of the user's tables and their view `examples`, for a new store. Default: the tables of loan offers. */
  readonly schema?: string;
}

/**
 * Opens the tables of a data folder. For writing, a store of an older version is first split into two files; for reading,
 * it is opened unchanged.
 *
 * @param dataDir Created if missing, with permissions for its owner only, if `mode` is `create`.
 * @throws {Failure} `store-missing`; `store-invalid` for a folder that cannot be created, a link, a damaged file or one of
 *   another program; `store-newer`; `store-busy` after `busyTimeoutMs`; `store-full`; `spec-invalid` for an unusable schema.
 */
export function openStore(dataDir: string, options: StoreOptions): Store {
  const { mode, schema } = options;
  if (schema !== undefined) checkSchema(schema);
  if (mode === "create") createDataFolder(dataDir);
  const path = findTables(dataDir, options);
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

/** Returns the path of the tables, or of those to create. */
function findTables(dataDir: string, options: StoreOptions): string {
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
      if (mode !== "read" && !db.isTransaction) leaveWalMode(journal);
      db.close();
    },
  };
}

/** Returns tables that were left in WAL mode to rollback mode, unless another connection has them open. Never throws. */
export function settleTables(dataDir: string): void {
  const { tables } = layoutOf(dataDir);
  try {
    if (!fileAt(`${tables}-wal`)) return;
    const db = openFile(tables, { mode: "write", busyTimeoutMs: 0 });
    leaveWalMode(createJournal(db));
    db.close();
  } catch { /* They can be read in WAL mode, too, and the next connection that writes does it. */ }
}

/**
 * Returns whether the store was created from this schema.
 *
 * @returns False for another schema if nothing was ever loaded: an interrupted load left the store behind.
 * @throws {Failure} `store-invalid` if it was created from another schema and is in use.
 */
function hasSchema(db: DatabaseSync, schema: string, path: string): boolean {
  const differing = differingTables(db, schema);
  if (differing.length === 0) return true;
  if (isUnused(db) && createJournal(db).use("rollback", 0)) return false;
  throw new Failure(
    "store-invalid",
    `Cannot use this schema with ${path}: the store was created from another one (${
      differing.join(", ")
    } differ). ` +
      "Omit --schema, change the store to this one with clickwell schema apply, or choose another folder with --data",
  );
}

/** Sets the pragmas of a connection. Only the page size is stored in the file. */
function configure(db: DatabaseSync, { mode, isLongLived = false }: StoreOptions): void {
  if (mode === "read") {
    // The join that makes examples reads leads in random order: a mapped page needs no system call.
    // Writers do not map: pages that are mapped while they are written count as memory of the process.
    db.exec(`PRAGMA mmap_size = ${isLongLived ? 0 : 2147418112}; PRAGMA query_only = ON`);
  } else {
    // The page size must be set while the file is empty. The join looks leads up by key: these pages make it a quarter faster
    // than SQLite's 4 KiB.
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
