import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";

/** The application id of clickwell's databases ("clkw"), which distinguishes them from those of other programs. */
export const applicationId = 0x636c6b77;

/** The first version with two files for registry and tables. Older stores are one file: see `older_store.ts`. */
export const firstVersion = 3;

/**
 * Migration steps of the program's own records: entry 0 leads from version 3 to 4. A released step is never changed. No step
 * touches the user's tables.
 */
export const registrySteps: readonly string[] = [];
export const tablesSteps: readonly string[] = [];

/** Returns the newest version that these steps lead to, which is that of new files. */
export function versionAfter(steps: readonly string[]): number {
  return firstVersion + steps.length;
}

/** Returns whether a store of this version is one file. */
export function isOlder(version: number): boolean {
  return version > 0 && version < firstVersion;
}

/**
 * Reads the version of a file; 0 for an empty database.
 *
 * @throws {Failure} `store-invalid` for a database of another program.
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
 * Migrates a file to this program's version, in one transaction.
 *
 * @throws {Failure} `store-newer`; `store-older` for an older file that is opened for reading.
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
    // Another process may have migrated it while this one waited for the lock.
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
