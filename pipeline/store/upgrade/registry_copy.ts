import { DatabaseSync } from "node:sqlite";
import type { Layout } from "../layout.ts";
import { Failure } from "../../failure.ts";
import { registryTableNames } from "../table.ts";
import { firstVersion } from "../migration.ts";
import { createRegistry } from "../schema.ts";
import { busyTimeoutMsDefault, fileAt, type FileOptions, openFile, removeDatabase } from "../store_file.ts";

type Row = Record<string, string | number | bigint | Uint8Array | null>;

/** The registry's rows as they are, with their ids. The first version has no aliases. */
function rowsOf(db: DatabaseSync, table: string): Row[] {
  const isThere = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table);
  if (!isThere) return [];
  const statement = db.prepare(`SELECT * FROM ${table} ORDER BY 1`);
  statement.setReadBigInts(true);
  return statement.all();
}

/**
 * Writes the registry of an older store to a file of its own, which is whole and on the disk when this returns.
 *
 * @param older Open, and held: nobody writes to it meanwhile.
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
  if (source) likenTo(copy, source);
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

/** Who could read the store can read its registry. */
function likenTo(path: string, { mode, uid, gid }: Deno.FileInfo): void {
  if (Deno.build.os === "windows") return;
  if (mode !== null) Deno.chmodSync(path, mode & 0o777);
  const made = fileAt(path);
  if (uid === null || gid === null || (made?.uid === uid && made.gid === gid)) return;
  try {
    Deno.chownSync(path, uid, gid);
  } catch { /* Only who may give files away can; who runs the program can read what it made. */ }
}

/**
 * Takes the registry's tables out of the tables' file, when all of their rows are in the registry's own.
 *
 * @throws {Failure} `store-invalid` where they are not.
 */
export function dropRegistry(
  { registry, tables }: Layout,
  { busyTimeoutMs }: Pick<FileOptions, "busyTimeoutMs">,
): void {
  using kept = openFile(registry, { mode: "read", busyTimeoutMs: busyTimeoutMs ?? busyTimeoutMsDefault });
  using db = new DatabaseSync(tables);
  db.exec(
    `PRAGMA busy_timeout = ${Math.round(busyTimeoutMs ?? busyTimeoutMsDefault)}; PRAGMA foreign_keys = OFF`,
  );
  db.exec("BEGIN IMMEDIATE");
  try {
    requireSame(db, kept, registry);
    for (const table of registryTableNames.toReversed()) db.exec(`DROP TABLE IF EXISTS ${table}`);
    db.exec(`PRAGMA user_version = ${firstVersion}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** Every model and every assignment is in the copy, which may have got more since. Aliases come and go. */
function requireSame(older: DatabaseSync, copy: DatabaseSync, path: string): void {
  for (const table of ["models", "production_model"]) {
    const rows = rowsOf(older, table);
    const names = Object.keys(rows[0] ?? {});
    const textOf = (row: Row) => names.map((name) => row[name]).join("\0");
    const known = new Set(rowsOf(copy, table).map(textOf));
    const lost = rows.find((row) => !known.has(textOf(row)));
    if (!lost) continue;
    throw new Failure(
      "store-invalid",
      `Cannot bring ${path} up to date: it lacks a row that is in ${table} beside the tables (${
        Object.values(lost)[0]
      }). Move ${path} away, and it is made again.`,
    );
  }
}
