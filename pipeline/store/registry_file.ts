import { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";
import { createJournal } from "./journal.ts";
import { layoutOf } from "./layout.ts";
import { isOlder, migrate, readVersion, registrySteps } from "./migration.ts";
import { finishSplit, isOlderFile, splitOlder } from "./upgrade/older_store.ts";
import { addModelNotes, createRegistry } from "./schema.ts";
import { asFailure } from "./sqlite_failure.ts";
import { createDataFolder, fileAt, type FileOptions, openFile } from "./store_file.ts";

/** The open file of the registry: `clickwell.db` in the data folder. */
export interface RegistryFile {
  readonly db: DatabaseSync;
  readonly path: string;
  close(): void;
}

/**
 * Opens the registry of a data folder. For writing, a store of an older version is first split into two files; for reading,
 * it is opened unchanged. Tables without a registry are read with an empty one.
 *
 * @throws {Failure} as `openStore` does.
 */
export function openRegistryFile(dataDir: string, options: FileOptions): RegistryFile {
  const { mode } = options;
  if (mode === "create") createDataFolder(dataDir);
  const path = findRegistry(dataDir, options);
  if (path === undefined) return emptyRegistry(dataDir);
  for (;;) {
    const db = openFile(path, options);
    try {
      const version = readVersion(db, path);
      if (isOlder(version) && mode !== "read") {
        db.close();
        splitOlder(dataDir, options);
        continue;
      }
      if (version === 0 && mode !== "create") {
        db.close();
        return emptyRegistry(dataDir);
      }
      if (mode !== "read") useRollbackJournal(db);
      if (version === 0) createRegistry(db);
      if (isOlder(version)) completeOlder(db);
      else migrate(db, { path, readOnly: mode === "read", steps: registrySteps });
      addModelNotes(db, { temporary: mode === "read" });
      if (mode === "read") db.exec("PRAGMA query_only = ON");
      requireRegistry(db, path);
      return { db, path, close: () => db.close() };
    } catch (error) {
      if (db.isOpen) db.close();
      throw asFailure(error, `open ${path}`);
    }
  }
}

/** Returns the path of the registry, or of the one to create; undefined if there is none to read. */
function findRegistry(dataDir: string, options: FileOptions): string | undefined {
  const { mode } = options;
  const { registry, tables, copy } = layoutOf(dataDir);
  finishSplit(dataDir, options);
  if (fileAt(registry)) return registry;
  if (isUnfinishedUpgrade(tables, options)) {
    // Either an upgrade was interrupted and the folder is now read-only, or only the renamed file of an older store is left.
    if (mode === "read") return fileAt(copy) ? copy : tables;
    splitOlder(dataDir, options);
    return registry;
  }
  return mode === "create" ? registry : undefined;
}

/** Returns whether the tables' file is the renamed file of an older store whose upgrade is incomplete. */
function isUnfinishedUpgrade(tables: string, options: FileOptions): boolean {
  try {
    return isOlderFile(tables, options);
  } catch (error) {
    // An initial load has the new tables locked. There is no model yet, and none can be registered during the load.
    if (options.mode === "read" && error instanceof Failure && error.kind === "store-busy") return false;
    throw error;
  }
}

/** Creates an empty registry in memory, for tables without models. @throws {Failure} `store-missing` without tables. */
function emptyRegistry(dataDir: string): RegistryFile {
  const { registry, tables } = layoutOf(dataDir);
  if (!fileAt(tables)) {
    throw new Failure(
      "store-missing",
      `There is no store at ${registry}. Run clickwell train first, or name its folder with --data`,
    );
  }
  const db = new DatabaseSync(":memory:");
  createRegistry(db);
  return { db, path: registry, close: () => db.close() };
}

/**
 * Sets rollback mode. Writes to the registry are rare and small; between them it is a single file, which can be read in a
 * read-only folder.
 */
function useRollbackJournal(db: DatabaseSync): void {
  createJournal(db).use("rollback", 0);
  db.exec("PRAGMA synchronous = EXTRA");
}

/** Adds the table that the first version lacks, for this connection only. */
function completeOlder(db: DatabaseSync): void {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'model_aliases'").get()) return;
  db.exec(
    "CREATE TEMP TABLE model_aliases (alias TEXT PRIMARY KEY, model_id TEXT, set_at INTEGER, set_by TEXT)",
  );
}

function requireRegistry(db: DatabaseSync, path: string): void {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'production_model'").get()) return;
  throw new Failure(
    "store-invalid",
    `Cannot use ${path}: it contains no models. Rename the files back: models are in clickwell.db, tables in tables.db.`,
  );
}
