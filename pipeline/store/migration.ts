import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";

/** Marks the file as a store of clickwell ("clkw"), so that another program's database is not taken for one. */
export const applicationId = 0x636c6b77;

/** The first version of which the registry and the tables are two files. Older ones are one: see `older_store.ts`. */
export const firstVersion = 3;

/**
 * One step from each version of a file's own records to the next: entry 0 leads from version 3 to 4. A step is never changed
 * once released. The user's tables are the user's: no step touches them.
 */
export const registrySteps: readonly string[] = [];
export const tablesSteps: readonly string[] = [];

/** The version of a file that was brought up to date by these steps, as a new one is. */
export function versionAfter(steps: readonly string[]): number {
  return firstVersion + steps.length;
}

/** Whether a store of this version is one file. */
export function isOlder(version: number): boolean {
  return version > 0 && version < firstVersion;
}

/**
 * The file's version: 0 for a database with nothing in it.
 *
 * @throws {Failure} `store-invalid` for a database that is not clickwell's.
 */
export function readVersion(db: DatabaseSync, path: string): number {
  const version = readPragma(db, "user_version");
  if (readPragma(db, "application_id") === applicationId) return version;
  const { n } = db.prepare("SELECT count(*) AS n FROM sqlite_schema").get() ?? {};
  if (n === 0 && version === 0) return 0;
  throw new Failure(
    "store-invalid",
    `Cannot use ${path}: it is a database of another program. Move it away, or choose another folder with --data`,
  );
}

/**
 * Brings a file up to this program's version, in one transaction.
 *
 * @throws {Failure} `store-newer`; `store-older` for an older file that is open for reading alone.
 */
export function migrate(
  db: DatabaseSync,
  { path, readOnly, steps }: { path: string; readOnly: boolean; steps: readonly string[] },
): void {
  const newest = versionAfter(steps);
  const version = readPragma(db, "user_version");
  if (version === newest) return;
  if (version > newest) {
    throw new Failure(
      "store-newer",
      `Cannot use ${path}: it is of version ${version}, this clickwell knows up to ${newest}. Use the newer clickwell.`,
    );
  }
  if (readOnly) {
    throw new Failure(
      "store-older",
      `Cannot read ${path}: it is of version ${version}, expected ${newest}. Run clickwell serve or any command that writes to it: that brings it up to date.`,
    );
  }
  db.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have been first, while this one waited for the lock.
    for (let next = readPragma(db, "user_version"); next < newest; next++) {
      db.exec(steps[next - firstVersion]);
    }
    db.exec(`PRAGMA user_version = ${newest}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function readPragma(db: DatabaseSync, name: "user_version" | "application_id"): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
