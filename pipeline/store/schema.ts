import { DatabaseSync } from "node:sqlite";
import text from "../../schema.sql" with { type: "text" };
import { Failure } from "../failure.ts";
import { applicationId, registrySteps, tablesSteps, versionAfter } from "./migration.ts";
import { quoted } from "./sqlite.ts";
import { listTables, ownTableNames } from "./table.ts";

/** Prefix of the indexes that `--index` creates, which are not part of the schema of a store. */
export const ownIndexPrefix = "clickwell_by_";

/** The line of schema.sql that parts the user's tables from the program's records. */
const parting = /^-- clickwell's own records\.$/m;

/** SQL of the tables of loan offers and their view `examples`. */
export const loanOffers: string = userPart(text);
/** The line that parts the records beside the user's tables from the registry, which is a file of its own. */
const registryParting = /^-- In clickwell\.db: .*$/m;
const registryAt = text.search(registryParting);
/** SQL of the log of loads. */
const tablesRecords = text.slice(loanOffers.length, registryAt);
/** SQL of models, model_aliases and production_model. */
const registryRecords = text.slice(registryAt);

/** A copy of schema.sql with other tables is a schema too: the program's records in it are ours to make. */
function userPart(schema: string): string {
  const at = schema.search(parting);
  return at < 0 ? schema : schema.slice(0, at);
}

/**
 * Makes the user's tables and the log of loads in an empty database, in one transaction.
 *
 * @returns Whether it was empty.
 */
export function createTables(db: DatabaseSync, schema = loanOffers): boolean {
  return create(db, tablesSteps, () => {
    db.exec(tablesRecords);
    runUserSchema(db, schema);
  });
}

/** Makes the registry's tables in an empty database, in one transaction. @param fill Adds rows to them. */
export function createRegistry(db: DatabaseSync, fill: () => void = () => {}): void {
  create(db, registrySteps, () => {
    db.exec(registryRecords);
    fill();
  });
}

function create(db: DatabaseSync, steps: readonly string[], make: () => void): boolean {
  db.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have been first, while this one waited for the lock.
    const isEmpty = db.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
    if (isEmpty) {
      make();
      db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${versionAfter(steps)}`);
    }
    db.exec("COMMIT");
    return isEmpty;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/**
 * Checks a user's schema aside, in memory.
 *
 * @throws {Failure} `spec-invalid`
 */
export function checkSchema(schema: string): void {
  describeTables(schema);
}

/** Names of what differs between a schema and the store's. @throws {Failure} `spec-invalid` */
export function differingTables(db: DatabaseSync, schema: string): string[] {
  const wanted = describeTables(schema);
  const found = userObjects(db);
  return [...new Set([...wanted.keys(), ...found.keys()])].filter((name) =>
    wanted.get(name) !== found.get(name)
  );
}

/** The tables that a new store has. */
export function tableNamesOf(schema = loanOffers): string[] {
  return aside(schema, (db) => listTables(db).map(({ name }) => name));
}

/** Whether nothing was ever loaded, and no table of the user has a row. */
export function isUnused(db: DatabaseSync): boolean {
  const isThere = (table: string) => db.prepare(`SELECT 1 FROM ${quoted(table)} LIMIT 1`).get() !== undefined;
  return !isThere("loads") && !listTables(db).some(({ name }) => isThere(name));
}

function describeTables(schema: string): ReadonlyMap<string, string> {
  return aside(schema, userObjects);
}

/** Makes a schema's tables in memory, and looks at them. @throws {Failure} `spec-invalid` */
function aside<T>(schema: string, look: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(":memory:");
  try {
    db.exec("BEGIN");
    db.exec(tablesRecords);
    runUserSchema(db, schema);
    if (listTables(db).length === 0) throw badSchema("it makes no table");
    requireExamples(db);
    return look(db);
  } finally {
    db.close();
  }
}

/** Actions of SQLite's authorizer that reach out of the store or of the transaction: a schema has no use for them. */
const refusedActions: ReadonlyMap<number, string> = new Map([
  [19, "PRAGMA"],
  [22, "BEGIN, COMMIT or ROLLBACK"],
  [24, "ATTACH"],
  [25, "DETACH"],
  [32, "SAVEPOINT"],
]);
const [allowed, denied] = [0, 1];

function runUserSchema(db: DatabaseSync, schema: string): void {
  let refused: string | undefined;
  setAuthorizer(db, (action) => {
    refused ??= refusedActions.get(action);
    return refused === undefined ? allowed : denied;
  });
  try {
    db.exec(userPart(schema));
  } catch (error) {
    if (refused !== undefined) throw badSchema(`it has ${refused}, which has no place in it`);
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

/** The runtime has it; its types do not name it yet. */
function setAuthorizer(db: DatabaseSync, authorizer: ((action: number) => number) | null): void {
  if (!("setAuthorizer" in db) || typeof db.setAuthorizer !== "function") {
    throw new Error("SQLite has no authorizer");
  }
  db.setAuthorizer(authorizer);
}

function requireExamples(db: DatabaseSync): void {
  try {
    db.prepare("SELECT * FROM examples LIMIT 1").all();
  } catch (error) {
    throw badSchema(`its view examples cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** SQL of every table, view, index and trigger of the user, by name. */
function userObjects(db: DatabaseSync): Map<string, string> {
  const rows = db.prepare("SELECT name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL").all();
  return new Map(
    rows.filter(({ name, tbl_name }) =>
      !ownTableNames.has(String(tbl_name)) && !String(tbl_name).startsWith("sqlite_") &&
      !String(name).startsWith(ownIndexPrefix)
    )
      .map(({ name, sql }) => [String(name), String(sql)]),
  );
}

function badSchema(detail: string): Failure {
  return new Failure(
    "spec-invalid",
    `Cannot use the schema: ${detail}. Expected SQL that makes STRICT tables with primary keys and a view examples.`,
  );
}
