import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Failure } from "../../failure.ts";
import { syncDirectory } from "../../runtime/durable_file.ts";
import { type Layout, layoutOf } from "../layout.ts";
import { isOlder, readVersion } from "../migration.ts";
import { copyRegistry, dropRegistry } from "./registry_copy.ts";
import { lockSplit } from "./split_lock.ts";
import { asFailure, hasCode } from "../sqlite_failure.ts";
import { busyTimeoutMsDefault, fileAt, type FileOptions, openFile, refuseLinks } from "../store_file.ts";

/** What has been done of a split, for tests: a process can be killed after each. */
export type SplitStep = "locked" | "alone" | "copied" | "moved" | "named" | "synced" | "dropped";

export interface SplitOptions extends Pick<FileOptions, "busyTimeoutMs"> {
  readonly step?: (step: SplitStep) => void;
}

/**
 * Splits the store of an older version, which is one file, in two: the registry keeps its name, the tables get theirs. It
 * begins where an earlier split was cut short. Rows of the registry are copied, which are few; the tables' file is renamed.
 *
 * @throws {Failure} `store-busy` while another process has the store open; `store-invalid` where nothing can be written.
 */
export function splitOlder(dataDir: string, options: SplitOptions): void {
  const layout = layoutOf(dataDir);
  for (const path of Object.values(layout)) refuseLinks(path);
  const lock = lockSplit(layout, options.busyTimeoutMs ?? busyTimeoutMsDefault);
  try {
    options.step?.("locked");
    // Another process may have been first, while this one waited for the lock.
    if (isOlderFile(layout.registry, options)) moveTables(layout, options);
    else if (isOlderFile(layout.tables, options)) copyIfLost(layout, options);
    if (!fileAt(layout.registry) && isOlderFile(layout.tables, options)) giveName(layout, options);
    if (isOlderFile(layout.tables, options)) dropRegistry(layout, options);
    options.step?.("dropped");
  } catch (error) {
    throw asFailure(error, `bring ${layout.registry} up to date`);
  } finally {
    lock.close({ isDone: !isHalfDone(layout, options) });
  }
}

/**
 * Finishes a split that was cut short: whatever opens a file of the folder calls this before a file may be made.
 *
 * For reading it is no failure if it cannot be finished: what is there can be read as it is.
 */
export function finishSplit(dataDir: string, options: FileOptions): void {
  const layout = layoutOf(dataDir);
  const isCutShort = fileAt(layout.lock) !== undefined || (fileAt(layout.copy) && !fileAt(layout.registry));
  if (!isCutShort) return;
  if (options.mode !== "read") return splitOlder(dataDir, options);
  // Nothing has been moved yet: the next one to write begins anew.
  if (fileAt(layout.registry) && !fileAt(layout.tables)) return;
  try {
    splitOlder(dataDir, options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

/** Whether a file is there, and is the one file of an older version or what is left of it. */
export function isOlderFile(path: string, { busyTimeoutMs }: Pick<FileOptions, "busyTimeoutMs">): boolean {
  if (!fileAt(path)) return false;
  using db = openFile(path, {
    mode: "read",
    ...(busyTimeoutMs === undefined ? {} : { busyTimeoutMs }),
  });
  try {
    return isOlder(readVersion(db, path));
  } catch (error) {
    throw asFailure(error, `open ${path}`);
  }
}

/** Copies the registry, then gives the file the name of the tables, while nobody else can write to it. */
function moveTables(layout: Layout, options: SplitOptions): void {
  const { registry, tables } = layout;
  if (fileAt(tables)) {
    throw new Failure(
      "store-invalid",
      `Cannot use ${registry}: it is a store of an older version, with tables in it, and ${tables} is there, too. Move one of them away.`,
    );
  }
  const db = holdAlone(registry, options);
  try {
    options.step?.("alone");
    copyRegistry(db, layout);
    options.step?.("copied");
    // An open file cannot be renamed there.
    if (Deno.build.os === "windows") db.close();
    Deno.renameSync(registry, tables);
    options.step?.("moved");
    // In the hold of the old file: who waits for it finds, at the name it opened, another one.
    giveName(layout, options);
  } finally {
    if (db.isOpen) db.close();
  }
}

/** The old file has its new name, and the copy of its registry is gone: it is made again, as long as it can be. */
function copyIfLost(layout: Layout, options: SplitOptions): void {
  if (fileAt(layout.registry) || fileAt(layout.copy)) return;
  using db = holdAlone(layout.tables, options);
  copyRegistry(db, layout);
}

function giveName({ copy, registry, tables }: Layout, { step }: SplitOptions): void {
  Deno.renameSync(copy, registry);
  step?.("named");
  syncDirectory(dirname(tables));
  step?.("synced");
}

/** Opens a file with its log folded into it, and so that nobody else can read or write it. @throws {Failure} `store-busy` */
function holdAlone(path: string, { busyTimeoutMs = busyTimeoutMsDefault }: SplitOptions): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA busy_timeout = ${Math.round(busyTimeoutMs)}`);
    const found = db.prepare("PRAGMA journal_mode = DELETE").get();
    if (found?.journal_mode !== "delete") throw othersHaveIt(path);
    db.exec("BEGIN EXCLUSIVE");
    const left = ["-wal", "-journal"].find((suffix) => fileAt(path + suffix));
    if (left !== undefined) throw othersHaveIt(path);
    return db;
  } catch (error) {
    db.close();
    throw hasCode(error, 5) ? othersHaveIt(path) : error;
  }
}

function othersHaveIt(path: string): Failure {
  return new Failure(
    "store-busy",
    `Cannot bring ${path} up to date: another process has it open. It is of an older version: stop the server of the older version, and try again.`,
  );
}

function isHalfDone({ registry, tables }: Layout, options: SplitOptions): boolean {
  try {
    return !fileAt(registry) || isOlderFile(tables, options);
  } catch {
    // Whoever comes next looks again.
    return true;
  }
}
