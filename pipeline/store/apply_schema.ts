import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";
import { openBulk } from "./bulk.ts";
import { requireDiskSpaceToCommit, requireFreeSpace, reserveBytes } from "./disk_space.ts";
import { ownIndexPrefix, requireExamples } from "./schema.ts";
import { planSchemaChange, requireNoDrop, type SchemaChange, type SchemaPlan } from "./schema_change.ts";
import { quoted } from "./sqlite.ts";
import { asFailure } from "./sqlite_failure.ts";
import type { Store } from "./store.ts";
import type { Table, TableColumn } from "./table.ts";
import { isSameName } from "./view/sql_tokens.ts";
import { beginWriting } from "./writing.ts";

export interface ApplySchemaOptions {
  /** SQL of the user's tables and their view. Only its CREATE statements are used. */
  readonly schema: string;
  /** The schema, as messages name it. */
  readonly schemaName: string;
  /** Whether tables and columns that the schema does not have may be dropped. */
  readonly mayDrop: boolean;
  /** Tables whose rows are deleted with their entries in the log of loads, since their files are to be loaded again. */
  readonly emptied?: readonly string[];
  readonly lockTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Changes the tables and views of a store to those of a schema, in one transaction. Rows keep the values of the columns that
 * stay; other connections go on reading.
 *
 * @throws {Failure} `spec-invalid`, `usage-invalid` as `planSchemaChange` and `requireNoDrop`; `row-rejected` if a row does not
 *   fit the schema; `store-busy`, `store-full`.
 */
export async function applySchema(store: Store, options: ApplySchemaOptions): Promise<SchemaChange> {
  const { schemaName, lockTimeoutMs, signal } = options;
  const { db } = store;
  const bulk = openBulk(store);
  try {
    return await bulk.load(async () => {
      // Neither has an effect within a transaction. Renaming a table must not change the SQL of others.
      db.exec("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON");
      await beginWriting(store, {
        ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
        action: `apply ${schemaName} to ${store.path}`,
        beforeAttempt: () => signal?.throwIfAborted(),
      });
      return changeInTransaction(store, options);
    }, { isAlone: false });
  } finally {
    db.exec("PRAGMA legacy_alter_table = OFF; PRAGMA foreign_keys = ON");
    bulk.end();
  }
}

function changeInTransaction(
  store: Store,
  { schema, schemaName, mayDrop, emptied = [] }: ApplySchemaOptions,
): SchemaChange {
  const { db, path } = store;
  try {
    for (const name of emptied) {
      db.exec(`DELETE FROM ${quoted(name)}`);
      db.prepare("DELETE FROM loads WHERE table_name = ?").run(name);
    }
    const plan = planSchemaChange(db, schema);
    if (!mayDrop) requireNoDrop(plan.change, schemaName);
    // A copy of a table goes to the log, and from there to the file.
    const isCopied = plan.change.tables.some(({ change, rows }) => change === "changed" && rows > 0);
    if (isCopied) requireFreeSpace(path, reserveBytes + 2 * Deno.statSync(path).size);
    if (plan.change.tables.length > 0 || plan.change.others.length > 0) {
      change(db, plan, schemaName);
      requireExamples(db);
      requireParents(db, schemaName);
      requireDiskSpaceToCommit(store);
    }
    db.exec("COMMIT");
    return plan.change;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw asFailure(error, `apply ${schemaName} to ${path}`);
  }
}

function change(
  db: DatabaseSync,
  { change: { tables }, found, wanted }: SchemaPlan,
  schemaName: string,
): void {
  const changed = new Set(tables.map(({ table }) => table.toLowerCase()));
  const isChanged = (table: string) => changed.has(table.toLowerCase());
  const ownIndexes = listOwnIndexes(db).filter(({ table }) => isChanged(table));
  for (const type of ["trigger", "view"]) dropAll(db, type, found.objects);
  const indexes = found.objects.filter(({ type }) => type === "index");
  const kept = indexes.filter(({ name, table, sql }) =>
    !isChanged(table) && wanted.objects.some((object) => object.name === name && object.sql === sql)
  );
  dropAll(db, "index", indexes.filter((index) => !kept.includes(index)));
  for (const { table: name, change } of tables) {
    const old = found.tables.find((table) => isSameName(table.name, name));
    if (change === "dropped") db.exec(`DROP TABLE ${quoted(name)}`);
    else rebuild(db, old, wanted.tables.find((table) => table.name === name), { wanted, schemaName });
  }
  for (const type of ["index", "view", "trigger"]) {
    for (const object of wanted.objects) {
      const exists = kept.some(({ name }) => name === object.name);
      if (object.type === type && !exists) db.exec(object.sql);
    }
  }
  for (const { table, column, sql } of ownIndexes) {
    const columns = wanted.tables.find(({ name }) => isSameName(name, table))?.columns ?? [];
    if (columns.some(({ name }) => isSameName(name, column))) db.exec(sql);
  }
}

const oldName = "clickwell old table";

interface Target {
  readonly wanted: SchemaPlan["wanted"];
  readonly schemaName: string;
}

/** Creates a table, with the rows of the old one if there is one. */
function rebuild(db: DatabaseSync, old: Table | undefined, next: Table | undefined, target: Target): void {
  const { wanted, schemaName } = target;
  const created = wanted.objects.find(({ type, name }) => type === "table" && name === next?.name);
  if (!next || !created) throw new Error("a table that the schema does not have");
  if (!old) return db.exec(created.sql);
  db.exec(`ALTER TABLE ${quoted(old.name)} RENAME TO ${quoted(oldName)}`);
  db.exec(created.sql);
  const kept = next.columns.flatMap((column) => {
    const before = old.columns.find(({ name }) => isSameName(name, column.name));
    return before ? [{ column, before }] : [];
  });
  try {
    if (kept.length > 0) {
      db.exec(`
        INSERT INTO ${quoted(next.name)} (${kept.map(({ column }) => quoted(column.name)).join(", ")})
        SELECT ${kept.map(({ before }) => quoted(before.name)).join(", ")} FROM ${quoted(oldName)}
        ORDER BY ${old.key.map(quoted).join(", ")}
      `);
    }
  } catch (error) {
    if (!(error instanceof Error) || !/constraint failed|cannot store/.test(error.message)) throw error;
    const misfit = kept.map(({ column, before }) => misfitOf(db, old, { column, before })).find((found) =>
      found
    );
    throw new Failure(
      "row-rejected",
      `Cannot apply ${schemaName}: ${misfit ?? `a row of ${old.name} does not fit it (${error.message})`}. ` +
        "Change the schema, or the rows. Nothing has changed.",
    );
  }
  db.exec(`DROP TABLE ${quoted(oldName)}`);
  markLoads(db, old, next);
}

/** Describes the first value that a column of another type cannot hold; undefined if there is none. */
function misfitOf(
  db: DatabaseSync,
  old: Table,
  { column, before }: { column: TableColumn; before: TableColumn },
): string | undefined {
  if (column.type === before.type) return undefined;
  const key = quoted(old.key[0]);
  db.exec(`
    CREATE TEMP TABLE probe (k, v ${column.type});
    INSERT INTO probe SELECT ${key}, ${quoted(before.name)} FROM ${quoted(oldName)} ORDER BY ${key};
  `);
  const row = db.prepare(
    "SELECT k, v, count(*) OVER () AS n FROM probe WHERE v IS NOT NULL AND typeof(v) <> ? ORDER BY rowid LIMIT 1",
  ).get(column.type.toLowerCase());
  return row &&
    `${
      Number(row.n).toLocaleString("en")
    } values of ${old.name}.${before.name} are not ${column.type}, the first ${
      JSON.stringify(row.v).slice(0, 80)
    } in the row with ${old.key[0]} ${JSON.stringify(row.k).slice(0, 80)}`;
}

/**
 * Makes files that were loaded before count as new if loading them again can change rows: they have a column that was added,
 * or a number that is now a text, which may be spelled in another way.
 */
function markLoads(db: DatabaseSync, old: Table, next: Table): void {
  const before = ({ name }: TableColumn) => old.columns.find((column) => isSameName(column.name, name));
  const added = next.columns.filter((column) => !before(column)).map(({ name }) => name);
  const isSpelled = next.columns.some((column) =>
    column.type === "TEXT" && (before(column)?.type ?? "TEXT") !== "TEXT"
  );
  db.prepare(`
    UPDATE loads SET report = json_set(report, '$.columnsChanged', json('true'))
    WHERE table_name = ? AND (? OR EXISTS (
      SELECT 1 FROM json_each(report, '$.leftOut') AS left_out, json_each(?) AS added WHERE left_out.value = added.value
    ))
  `).run(next.name, Number(isSpelled), JSON.stringify(added));
}

/** @throws {Failure} `row-rejected` for rows that violate a foreign key of the schema. */
function requireParents(db: DatabaseSync, schemaName: string): void {
  const [broken] = db.prepare(
    `SELECT "table" AS child, parent, count(*) AS n FROM pragma_foreign_key_check GROUP BY 1, 2`,
  ).all();
  if (!broken) return;
  throw new Failure(
    "row-rejected",
    `Cannot apply ${schemaName}: ${
      Number(broken.n).toLocaleString("en")
    } rows of ${broken.child} refer to missing rows of ` +
      `${broken.parent}, which a foreign key forbids. Change the schema, or load those rows first. Nothing has changed.`,
  );
}

function dropAll(
  db: DatabaseSync,
  wanted: string,
  objects: readonly { readonly type: string; readonly name: string }[],
): void {
  for (const { type, name } of objects) if (type === wanted) db.exec(`DROP ${type} ${quoted(name)}`);
}

/** Lists the indexes that `ingest --index` created. */
function listOwnIndexes(db: DatabaseSync): { table: string; column: string; sql: string }[] {
  return db.prepare(
    "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' AND substr(name, 1, length(?1)) = ?1",
  ).all(ownIndexPrefix).map(({ name, tbl_name, sql }) => ({
    table: String(tbl_name),
    column: String(name).slice(ownIndexPrefix.length + String(tbl_name).length + 1),
    sql: String(sql),
  }));
}
