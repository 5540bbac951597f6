import { DatabaseSync } from "node:sqlite";
import type { Layout } from "../layout.ts";
import { Failure } from "../../failure.ts";
import { registryTableNames } from "../table.ts";
import { firstVersion } from "../migration.ts";
import { createRegistry } from "../schema.ts";
import { busyTimeoutMsDefault, fileAt, type FileOptions, openFile, removeDatabase } from "../store_file.ts";

type Row = Record<string, string | number | bigint | Uint8Array | null>;

/** Reads the rows of a registry table with their ids; none if the table is missing, as that of aliases in the first version. */
function rowsOf(db: DatabaseSync, table: string): Row[] {
  const exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table);
  if (!exists) return [];
  const statement = db.prepare(`SELECT * FROM ${table} ORDER BY 1`);
  statement.setReadBigInts(true);
  return statement.all();
}

/**
 * Copies the registry of an older store to a new file, which is complete and synced on return.
 *
 * @param older An open store, locked against writers.
 */
export function copyRegistry(older: DatabaseSync, { registry, tables, copy }: Layout): void {
  removeDatabase(copy);
  const db = new DatabaseSync(copy);
  try {
    db.exec("PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON");
    createRegistry(db, () => {
      for (const table of registryTableNames) insertAll(db, table, rowsOf(older, table));
    });
    requireSame(older, db, copy);
  } finally {
    db.close();
  }
  const source = fileAt(registry) ?? fileAt(tables);
  if (source) copyPermissions(copy, source);
  using file = Deno.openSync(copy, { write: true });
  file.syncSync();
}

function insertAll(db: DatabaseSync, table: string, rows: readonly Row[]): void {
  for (const row of rows) {
    const names = Object.keys(row);
    db.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`)
      .run(...Object.values(row));
  }
}

/** Gives a file the mode and owner of the store, so that the same users can read it. */
function copyPermissions(path: string, { mode, uid, gid }: Deno.FileInfo): void {
  if (Deno.build.os === "windows") return;
  if (mode !== null) Deno.chmodSync(path, mode & 0o777);
  const found = fileAt(path);
  if (uid === null || gid === null || (found?.uid === uid && found.gid === gid)) return;
  try {
    Deno.chownSync(path, uid, gid);
  } catch {
    /* Only a privileged user can change the owner; the current user can read the file in any case. */
  }
}

/**
 * Drops the registry's tables from the tables' file after checking that all their rows are in the registry.
 *
 * @throws {Failure} `store-invalid` if a row is missing.
 */
export function dropRegistry(
  { registry, tables }: Layout,
  { busyTimeoutMs }: Pick<FileOptions, "busyTimeoutMs">,
): void {
  using copied = openFile(registry, { mode: "read", busyTimeoutMs: busyTimeoutMs ?? busyTimeoutMsDefault });
  using db = new DatabaseSync(tables);
  db.exec(
    `PRAGMA busy_timeout = ${Math.round(busyTimeoutMs ?? busyTimeoutMsDefault)}; PRAGMA foreign_keys = OFF`,
  );
  db.exec("BEGIN IMMEDIATE");
  try {
    requireSame(db, copied, registry);
    for (const table of registryTableNames.toReversed()) db.exec(`DROP TABLE IF EXISTS ${table}`);
    db.exec(`PRAGMA user_version = ${firstVersion}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** Checks that the copy has every model and every assignment. It may have newer ones, too; aliases may have been removed. */
function requireSame(older: DatabaseSync, copy: DatabaseSync, path: string): void {
  for (const table of ["models", "production_model"]) {
    const rows = rowsOf(older, table);
    const names = Object.keys(rows[0] ?? {});
    const textOf = (row: Row) => names.map((name) => row[name]).join("\0");
    const known = new Set(rowsOf(copy, table).map(textOf));
    const missing = rows.find((row) => !known.has(textOf(row)));
    if (!missing) continue;
    throw new Failure(
      "store-invalid",
      `Cannot bring ${path} up to date: it lacks a row of ${table} in the older store (${
        Object.values(missing)[0]
      }). Move ${path} away, and it is created again.`,
    );
  }
}
