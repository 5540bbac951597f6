import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Failure } from "../../failure.ts";
import { syncDirectory } from "../../runtime/durable_file.ts";
import { type Layout, layoutOf } from "../layout.ts";
import { isOlder, readVersion } from "../migration.ts";
import { copyRegistry, dropRegistry } from "./registry_copy.ts";
import { lockSplit } from "./split_lock.ts";
import { asFailure, hasCode } from "../sqlite_failure.ts";
import { busyTimeoutMsDefault, fileAt, type FileOptions, openFile, rejectLinks } from "../store_file.ts";

/** The steps of a split. Tests kill a process after each. */
export type SplitStep = "locked" | "alone" | "copied" | "moved" | "named" | "synced" | "dropped";

export interface SplitOptions extends Pick<FileOptions, "busyTimeoutMs"> {
  readonly step?: (step: SplitStep) => void;
}

/**
 * Splits a store of an older version, which is one file, into two. The registry's few rows are copied into a new file with the
 * old name; the old file is renamed and keeps the tables. Continues a split that was interrupted.
 *
 * @throws {Failure} `store-busy` while another process has the store open; `store-invalid` in a read-only folder.
 */
export function splitOlder(dataDir: string, options: SplitOptions): void {
  const layout = layoutOf(dataDir);
  for (const path of Object.values(layout)) rejectLinks(path);
  const lock = lockSplit(layout, options.busyTimeoutMs ?? busyTimeoutMsDefault);
  try {
    options.step?.("locked");
    // Another process may have split it while this one waited for the lock.
    if (isOlderFile(layout.registry, options)) moveTables(layout, options);
    else if (isOlderFile(layout.tables, options)) copyIfMissing(layout, options);
    if (!fileAt(layout.registry) && isOlderFile(layout.tables, options)) renameCopy(layout, options);
    if (isOlderFile(layout.tables, options)) dropRegistry(layout, options);
    options.step?.("dropped");
  } catch (error) {
    throw asFailure(error, `bring ${layout.registry} up to date`);
  } finally {
    lock.close({ isDone: !isIncomplete(layout, options) });
  }
}

/**
 * Finishes a split that was interrupted. Called before a file of the folder is opened or created.
 *
 * In mode `read`, a split that cannot be finished is no failure: the files can be read unfinished.
 */
export function finishSplit(dataDir: string, options: FileOptions): void {
  const layout = layoutOf(dataDir);
  const isInterrupted = fileAt(layout.lock) !== undefined ||
    (fileAt(layout.copy) && !fileAt(layout.registry));
  if (!isInterrupted) return;
  if (options.mode !== "read") return splitOlder(dataDir, options);
  // Nothing has been renamed yet: the next writer starts the split again.
  if (fileAt(layout.registry) && !fileAt(layout.tables)) return;
  try {
    splitOlder(dataDir, options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

/** Returns whether a file exists and is the single file of an older version, before or after its renaming. */
export function isOlderFile(path: string, { busyTimeoutMs }: Pick<FileOptions, "busyTimeoutMs">): boolean {
  if (!fileAt(path)) return false;
  using db = openFile(path, { mode: "read", ...(busyTimeoutMs === undefined ? {} : { busyTimeoutMs }) });
  try {
    return isOlder(readVersion(db, path));
  } catch (error) {
    throw asFailure(error, `open ${path}`);
  }
}

/** Copies the registry, then renames the file to the name of the tables, with an exclusive lock on it. */
function moveTables(layout: Layout, options: SplitOptions): void {
  const { registry, tables } = layout;
  if (fileAt(tables)) {
    throw new Failure(
      "store-invalid",
      `Cannot use ${registry}: it is a store of an older version, with tables in it, and ${tables} exists, too. Move one of them away.`,
    );
  }
  const db = openExclusively(registry, options);
  try {
    options.step?.("alone");
    copyRegistry(db, layout);
    options.step?.("copied");
    // Windows cannot rename an open file.
    if (Deno.build.os === "windows") db.close();
    Deno.renameSync(registry, tables);
    options.step?.("moved");
    // With the old file still locked: a process that waits for it then finds another file under the name that it opened.
    renameCopy(layout, options);
  } finally {
    if (db.isOpen) db.close();
  }
}

/** Copies the registry again if the old file has been renamed and its copy is missing. */
function copyIfMissing(layout: Layout, options: SplitOptions): void {
  if (fileAt(layout.registry) || fileAt(layout.copy)) return;
  using db = openExclusively(layout.tables, options);
  copyRegistry(db, layout);
}

function renameCopy({ copy, registry, tables }: Layout, { step }: SplitOptions): void {
  Deno.renameSync(copy, registry);
  step?.("named");
  syncDirectory(dirname(tables));
  step?.("synced");
}

/** Opens a file in rollback mode with an exclusive lock. @throws {Failure} `store-busy` */
function openExclusively(path: string, { busyTimeoutMs = busyTimeoutMsDefault }: SplitOptions): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA busy_timeout = ${Math.round(busyTimeoutMs)}`);
    const found = db.prepare("PRAGMA journal_mode = DELETE").get();
    if (found?.journal_mode !== "delete") throw inUse(path);
    db.exec("BEGIN EXCLUSIVE");
    const left = ["-wal", "-journal"].find((suffix) => fileAt(path + suffix));
    if (left !== undefined) throw inUse(path);
    return db;
  } catch (error) {
    db.close();
    throw hasCode(error, 5) ? inUse(path) : error;
  }
}

function inUse(path: string): Failure {
  return new Failure(
    "store-busy",
    `Cannot bring ${path} up to date: another process has it open. It is of an older version: stop the server of the older version, and try again.`,
  );
}

function isIncomplete({ registry, tables }: Layout, options: SplitOptions): boolean {
  try {
    return !fileAt(registry) || isOlderFile(tables, options);
  } catch {
    // The next process checks again.
    return true;
  }
}
