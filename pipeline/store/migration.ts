import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";

/** Marks the file as a store of clickwell ("clkw"), so that another program's database is not taken for one. */
export const applicationId = 0x636c6b77;

/**
 * One step from each version of the program's own records to the next: entry 0 leads from version 1 to 2. A step is never
 * changed once released. The user's tables are the user's: no step touches them.
 */
const steps: readonly string[] = [
  `
CREATE TABLE model_aliases (
  alias    TEXT NOT NULL PRIMARY KEY,
  model_id TEXT NOT NULL REFERENCES models (model_id),
  set_at   INTEGER NOT NULL,                                     -- microseconds since 1970-01-01T00:00:00Z
  set_by   TEXT NOT NULL                                         -- a command or a client
) STRICT, WITHOUT ROWID;
`,
];

/** The version of a store that `schema.sql` makes. */
export const schemaVersion = 1 + steps.length;

/**
 * The store's version: 0 for a database with nothing in it.
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
 * Brings an older store up to this program's version, in one transaction.
 *
 * @param options.steps For tests; the program's own otherwise.
 * @throws {Failure} `store-newer`; `store-older` for an older store that is open for reading alone.
 */
export function migrate(
  db: DatabaseSync,
  options: { path: string; readOnly: boolean; steps?: readonly string[] },
): void {
  const { path, readOnly, steps: ladder = steps } = options;
  const newest = 1 + ladder.length;
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
    for (let next = readPragma(db, "user_version"); next < newest; next++) db.exec(ladder[next - 1]);
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
