import { DatabaseSync } from "node:sqlite";
import text from "../../schema.sql" with { type: "text" };
import { Failure, usageInvalid } from "../failure.ts";
import { applicationId, registrySteps, tablesSteps, versionAfter } from "./migration.ts";
import { quoted, splitName, unquoted } from "./sqlite.ts";
import { asFailure } from "./sqlite_failure.ts";
import { findTable, listTables, ownTableNames, type Table } from "./table.ts";

/** Prefix of the indexes that `--index` creates, which are not part of the schema of a store. */
export const ownIndexPrefix = "clickwell_by_";

/** The line of schema.sql that separates the user's tables from the program's records. */
const recordsLine = /^-- clickwell's own records\.$/m;

/** SQL of the tables of loan offers and their view `examples`. */
export const loanOffers: string = userPart(text);
/** The line that separates the log of loads from the registry, which is another file. */
const registryLine = /^-- In clickwell\.db: .*$/m;
const registryAt = text.search(registryLine);
/** SQL of the log of loads. */
const tablesRecords = text.slice(loanOffers.length, registryAt);
/** SQL of models, model_aliases, model_notes and production_model. */
const registryRecords = text.slice(registryAt);

/** Returns a schema without the program's records, which an edited copy of schema.sql contains. */
function userPart(schema: string): string {
  const at = schema.search(recordsLine);
  return at < 0 ? schema : schema.slice(0, at);
}

/**
 * Creates the user's tables and the log of loads in an empty database, in one transaction.
 *
 * @returns Whether the database was empty.
 */
export function createTables(db: DatabaseSync, schema = loanOffers): boolean {
  return create(db, tablesSteps, () => {
    db.exec(tablesRecords);
    runUserSchema(db, schema);
  });
}

/** Creates the registry's tables in an empty database, in one transaction. @param fill Adds rows to them. */
export function createRegistry(db: DatabaseSync, fill: () => void = () => {}): void {
  create(db, registrySteps, () => {
    db.exec(registryRecords);
    fill();
  });
}

/**
 * Creates the table `model_notes` in a registry that an earlier version made, which goes on reading it.
 *
 * @param options.temporary Creates it for this connection only.
 */
export function addModelNotes(db: DatabaseSync, { temporary }: { readonly temporary: boolean }): void {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'model_notes'").get()) return;
  const [statement] = /^CREATE TABLE model_notes[^;]*;/m.exec(registryRecords) ?? [];
  if (statement === undefined) throw new Error("schema.sql has no table model_notes");
  db.exec(statement.replace("CREATE TABLE", `CREATE ${temporary ? "TEMP " : ""}TABLE IF NOT EXISTS`));
}

function create(db: DatabaseSync, steps: readonly string[], fill: () => void): boolean {
  db.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have created them while this one waited for the lock.
    const isEmpty = db.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
    if (isEmpty) {
      fill();
      db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${versionAfter(steps)}`);
    }
    db.exec("COMMIT");
    return isEmpty;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** Checks a user's schema in a database in memory. @throws {Failure} `spec-invalid` */
export function checkSchema(schema: string): void {
  describeSchema(schema);
}

/** Returns the names of the objects that differ between a schema and the store. @throws {Failure} `spec-invalid` */
export function differingTables(db: DatabaseSync, schema: string): string[] {
  const [wanted, found] = [describeSchema(schema).objects, userObjects(db)].map((objects) =>
    new Map(objects.map(({ name, sql }) => [name, sql]))
  );
  return [...new Set([...wanted.keys(), ...found.keys()])].filter((name) =>
    wanted.get(name) !== found.get(name)
  );
}

/** A table, view, index or trigger of the user. */
export interface SchemaObject {
  readonly type: string;
  readonly name: string;
  /** The table that it is, or is of. */
  readonly table: string;
  readonly sql: string;
}

/** What a schema creates, in its order. */
export interface SchemaDescription {
  readonly tables: readonly Table[];
  readonly objects: readonly SchemaObject[];
}

/** Describes a user's schema. @throws {Failure} `spec-invalid` */
export function describeSchema(schema: string): SchemaDescription {
  return withSchema(schema, describeStore);
}

export function describeStore(db: DatabaseSync): SchemaDescription {
  return { tables: listTables(db), objects: userObjects(db) };
}

/** Returns a function that returns a number, which changes with the tables and views of a store. */
export function schemaVersionOf({ db }: { db: DatabaseSync }): () => unknown {
  const statement = db.prepare("PRAGMA schema_version");
  return () => statement.get()?.schema_version;
}

/** Returns the names of the tables that a schema creates. */
export function tableNamesOf(schema = loanOffers): string[] {
  return withSchema(schema, (db) => listTables(db).map(({ name }) => name));
}

/** Returns whether nothing was ever loaded, and no table of the user has a row. */
export function isUnused(db: DatabaseSync): boolean {
  const hasRows = (table: string) => db.prepare(`SELECT 1 FROM ${quoted(table)} LIMIT 1`).get() !== undefined;
  return !hasRows("loads") && !listTables(db).some(({ name }) => hasRows(name));
}

/** Runs `inspect` on a database in memory with a schema's tables. @throws {Failure} `spec-invalid` */
function withSchema<T>(schema: string, inspect: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(":memory:");
  try {
    db.exec("BEGIN");
    db.exec(tablesRecords);
    runUserSchema(db, schema);
    if (listTables(db).length === 0) throw badSchema("it creates no table");
    requireExamples(db);
    return inspect(db);
  } finally {
    db.close();
  }
}

/** Actions of SQLite's authorizer that affect more than the database or the transaction. A schema must not contain them. */
const deniedActions: ReadonlyMap<number, string> = new Map([
  [19, "PRAGMA"],
  [22, "BEGIN, COMMIT or ROLLBACK"],
  [24, "ATTACH"],
  [25, "DETACH"],
  [32, "SAVEPOINT"],
]);
const [allowed, denied] = [0, 1];

function runUserSchema(db: DatabaseSync, schema: string): void {
  let deniedAction: string | undefined;
  setAuthorizer(db, (action) => {
    deniedAction ??= deniedActions.get(action);
    return deniedAction === undefined ? allowed : denied;
  });
  try {
    db.exec(userPart(schema));
  } catch (error) {
    if (deniedAction !== undefined) throw badSchema(`it contains ${deniedAction}, which is not allowed`);
    throw badSchema(error instanceof Error ? error.message : String(error));
  } finally {
    setAuthorizer(db, null);
  }
  const taken = db.prepare("SELECT type, name FROM sqlite_schema").all().find(({ name }) =>
    name !== "loads" && ownTableNames.has(String(name).toLowerCase())
  );
  if (taken) {
    throw badSchema(
      `${taken.type} ${taken.name} already exists among clickwell's own records, in another file`,
    );
  }
}

/** The types of the runtime do not declare the method yet. */
function setAuthorizer(db: DatabaseSync, authorizer: ((action: number) => number) | null): void {
  if (!("setAuthorizer" in db) || typeof db.setAuthorizer !== "function") {
    throw new Error("SQLite has no authorizer");
  }
  db.setAuthorizer(authorizer);
}

/** @throws {Failure} `spec-invalid` */
export function requireExamples(db: DatabaseSync): void {
  try {
    db.prepare("SELECT * FROM examples LIMIT 1").all();
  } catch (error) {
    throw badSchema(`its view examples cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

function userObjects(db: DatabaseSync): SchemaObject[] {
  return db.prepare(
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid",
  ).all()
    .map(({ type, name, tbl_name, sql }) => ({
      type: String(type),
      name: String(name),
      table: String(tbl_name),
      sql: String(sql),
    }))
    .filter(({ name, table }) =>
      !ownTableNames.has(table) && !table.startsWith("sqlite_") && !name.startsWith(ownIndexPrefix)
    );
}

/**
 * Creates an index on a column, unless it exists.
 *
 * @param place The column, as TABLE.COLUMN.
 * @returns Whether the index was created.
 * @throws {Failure} `table-unknown`; `usage-invalid` for a column that the table does not have; `store-busy`, `store-full`.
 */
export function createIndex({ db, path }: { db: DatabaseSync; path: string }, place: string): boolean {
  const [tableName, column] = splitName(place, ".") ?? [place, ""];
  const columnName = unquoted(column);
  const { name, columns } = findTable(listTables(db), tableName);
  const names = columns.map((column) => column.name);
  if (!names.includes(columnName)) {
    const detail = `--index is "${place}", expected TABLE.COLUMN: ${name} has ${names.join(", ")}.`;
    throw usageInvalid(detail);
  }
  const index = `${ownIndexPrefix}${name}_${columnName}`;
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?").get(index)) return false;
  try {
    db.exec(`CREATE INDEX ${quoted(index)} ON ${quoted(name)} (${quoted(columnName)})`);
  } catch (error) {
    throw asFailure(error, `create an index on ${place} in ${path}`);
  }
  return true;
}

function badSchema(detail: string): Failure {
  return new Failure(
    "spec-invalid",
    `Cannot use the schema: ${detail}. Expected SQL that creates STRICT tables with primary keys and a view examples.`,
  );
}
