import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";
import { nearestName } from "../did_you_mean.ts";
import { quoted } from "./sqlite.ts";
import { tokensOf } from "./view/sql_tokens.ts";

export type ColumnType = "INTEGER" | "REAL" | "TEXT";

export interface TableColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether the column is NOT NULL or part of the primary key. */
  readonly required: boolean;
  readonly hasDefault: boolean;
  /** Whether it is a time in microseconds since 1970-01-01T00:00:00Z: an INTEGER whose name ends in `_at`, or whose comment has that unit. */
  readonly isTime: boolean;
  /** The comment at the end of the column's line in the schema: its meaning and unit. */
  readonly comment: string;
}

/** A foreign key, with names as the schema spells them. */
export interface ForeignKey {
  readonly columns: readonly string[];
  readonly parent: string;
}

/** A table of the user. */
export interface Table {
  readonly name: string;
  readonly columns: readonly TableColumn[];
  /** Column names of the primary key, in the key's order. */
  readonly key: readonly string[];
  /**
   * Whether the key is a row number, which the store gives to the rows of a file without that column: one
   * `INTEGER PRIMARY KEY` without NOT NULL.
   */
  readonly isNumbered: boolean;
  readonly foreignKeys: readonly ForeignKey[];
}

/** The unit in the comment of a column of times. */
export const timeUnit = "microseconds since 1970-01-01T00:00:00Z";

/** The tables of the registry, each after those that it refers to. */
export const registryTableNames: readonly string[] = [
  "models",
  "model_aliases",
  "model_notes",
  "production_model",
];

/** The program's own tables: no file is loaded into them. */
export const ownTableNames: ReadonlySet<string> = new Set(["loads", ...registryTableNames]);

/** Returns whether texts are equal only if their bytes are: a column with a collation may equate other keys. */
export function comparesBytes({ db }: { db: DatabaseSync }, { name }: Table): boolean {
  const row = db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name);
  return !/\bCOLLATE\b/i.test(String(row?.sql));
}

/** Returns whether there are triggers: then an insertion may change other rows, too. */
export function hasTriggers(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'trigger' LIMIT 1").get() !== undefined;
}

/**
 * Lists the user's tables in the order of the schema.
 *
 * @throws {Failure} `spec-invalid` for a table that is not STRICT, has no primary key or has a column of another type.
 */
export function listTables(db: DatabaseSync): Table[] {
  return db.prepare(
    "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL ORDER BY rowid",
  ).all()
    .map(({ name, sql }) => ({ name: String(name), sql: String(sql) }))
    .filter(({ name }) => !ownTableNames.has(name) && !name.startsWith("sqlite_"))
    .map(({ name, sql }) => describeTable(db, name, sql));
}

/** @throws {Failure} `table-unknown` */
export function findTable(tables: readonly Table[], name: string): Table {
  const found = tables.find((table) => table.name === name);
  if (found) return found;
  const names = tables.map((table) => table.name);
  const near = nearestName(name, names);
  throw new Failure(
    "table-unknown",
    `The store has no table "${name}".${near ? ` Did you mean ${near}?` : ""} It has ${names.join(", ")}.`,
  );
}

function describeTable(db: DatabaseSync, name: string, sql: string): Table {
  const facts = db.prepare("SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name = ?").get(
    name,
  );
  if (facts?.strict !== 1) throw badTable(`table ${name} is not STRICT`);
  const comments = readComments(sql);
  const rows = db.prepare(`SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)`)
    .all(name);
  const columns: TableColumn[] = [];
  const key: string[] = [];
  let isNumbered = false;
  for (const row of rows) {
    // Generated columns are not loaded.
    if (row.hidden !== 0) continue;
    const column = String(row.name);
    const place = Number(row.pk);
    if (place > 0) {
      key[place - 1] = column;
      // In a STRICT table, SQLite adds NOT NULL to every other key than INTEGER PRIMARY KEY.
      isNumbered = row.notnull === 0;
    }
    const type = columnType(String(row.type));
    if (!type) throw badTable(`column ${name}.${column} is ${row.type}, expected INTEGER, REAL or TEXT`);
    const comment = comments.get(column) ?? "";
    columns.push({
      name: column,
      type,
      required: row.notnull === 1 || place > 0,
      hasDefault: row.dflt_value !== null,
      isTime: type === "INTEGER" && (column.endsWith("_at") || comment.includes(timeUnit)),
      comment,
    });
  }
  if (key.length === 0) throw badTable(`table ${name} has no PRIMARY KEY`);
  const foreignKeys = listForeignKeys(db, name);
  if (foreignKeys.length > 0) checkForeignKeys(db, name);
  return { name, columns, key, isNumbered, foreignKeys };
}

function listForeignKeys(db: DatabaseSync, table: string): ForeignKey[] {
  const rows = db.prepare(
    `SELECT id, "table" AS parent, "from" AS name FROM pragma_foreign_key_list(?) ORDER BY id, seq`,
  ).all(table);
  return [...Map.groupBy(rows, ({ id }) => id).values()].map((parts) => ({
    columns: parts.map(({ name }) => String(name)),
    parent: String(parts[0].parent),
  }));
}

/** Checks that foreign keys can be resolved, which SQLite does only when it prepares a statement. */
function checkForeignKeys(db: DatabaseSync, table: string): void {
  try {
    db.prepare(`INSERT INTO ${quoted(table)} DEFAULT VALUES`);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw badTable(
      `a foreign key of table ${table} names no table, or columns that are not UNIQUE (${detail})`,
    );
  }
}

function columnType(declared: string): ColumnType | undefined {
  const type = declared.toUpperCase();
  if (type === "INT" || type === "INTEGER") return "INTEGER";
  return type === "REAL" || type === "TEXT" ? type : undefined;
}

/** Reads column comments from the text of CREATE TABLE: the last comment on the line that begins with the column's name. */
function readComments(sql: string): ReadonlyMap<string, string> {
  const comments = new Map<string, string>();
  for (const line of sql.split("\n")) {
    const [first] = tokensOf(line);
    // Quoted texts and names may contain the signs of a comment.
    const [, comment] = /^(?:[^'"`[-]|'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|-(?!-))*--\s*(.*?)\s*$/.exec(line) ??
      [];
    if (first && first.kind !== "other" && comment) comments.set(first.text, comment);
  }
  return comments;
}

function badTable(detail: string): Failure {
  return new Failure("spec-invalid", `Cannot use the schema: ${detail}.`);
}
