import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";
import { failingColumn, isOfExpression } from "./failing_row.ts";
import { BadExample } from "./row_values.ts";
import { shownKey } from "./reading_failure.ts";
import { quoted } from "../store/sqlite.ts";
import { columnOrigins } from "../store/view/view_columns.ts";
import { listTables } from "../store/table.ts";
import type { ExampleKeys } from "./example_keys.ts";
import { tokensOf } from "../store/view/sql_tokens.ts";
import { parentJoinOf } from "../store/view/view_shape.ts";
import { once } from "../once.ts";

/** A key to look up. A bigint finds the same integer in a column of numbers and in one of text. */
export type KeyValue = string | number | bigint;

/** Raw fields in the form in which a client sends them. */
export type StoredRow = Record<string, string | number | null>;

/** Looks up raw fields of examples by their keys. */
export type ExampleLookup = ReturnType<typeof createExampleLookup>;

/** Rows of a view up to which a query that scans all of them is executed. On larger views it is rejected. */
const scannedRowsMax = 50_000;
const recountAfterMs = 10_000;
/** Rows of a group that are compared to find the fields that they share, if the view does not show which these are. */
const comparedRowsMax = 1_000;

export interface ExampleLookupOptions {
  readonly keys: ExampleKeys;
  /** Fields of the model. */
  readonly fields: readonly { readonly name: string; readonly type: "numeric" | "categorical" | "time" }[];
  /** A clock in milliseconds, of any epoch. */
  readonly now: () => number;
}

/**
 * Prepares the lookups of a model. They read the columns of the view, as training does.
 *
 * @throws {Failure} `lookup-unindexed`, also thrown by the lookups, if a large view has no index for one.
 * @throws {Error} of SQLite if the view lacks a column.
 */
export function createExampleLookup(
  db: DatabaseSync,
  { keys, fields, now }: ExampleLookupOptions,
) {
  const [view, id, group] = [keys.view, keys.id, keys.group].map(quoted);
  const names = fields.map(({ name }) => name);
  const numeric = new Set(fields.flatMap(({ name, type }) => type === "categorical" ? [] : [name]));
  const columns = [...new Set([...names, keys.id])].map(quoted);
  const select = `SELECT ${columns.join(", ")} FROM ${view}`;
  const isSmall = createRowCheck(db, view, now);
  const prepare = (sql: string, by: string) => {
    const run = wideStatement(db, sql, numeric);
    const scans = isScan(db, sql);
    return (...values: KeyValue[]): StoredRow[] => {
      if (scans && !isSmall()) throw unindexed(db, keys.view, by);
      try {
        return run(values);
      } catch (error) {
        const [key] = values;
        if (error instanceof BadExample) {
          throw unreadable(keys.view, `${by} ${shownKey(key)} ${error.message}`);
        }
        // The statement has been prepared, so an expression of the view failed.
        if (!(error instanceof Error) || !isOfExpression(error)) throw error;
        const column = by === keys.id && !scans
          ? failingColumn(db, { columns: [id, ...columns], from: view }, key)
          : undefined;
        throw unreadable(keys.view, `${error.message}${locationOf({ by, key, column, scans })}`);
      }
    };
  };
  const byId = once(() => prepare(`${select} WHERE ${id} = ? LIMIT 1`, keys.id));
  const byBoth = once(() => prepare(`${select} WHERE ${id} = ? AND ${group} = ? LIMIT 1`, keys.id));
  const byGroup = once(() => prepare(`${select} WHERE ${group} = ? ORDER BY ${id} LIMIT ?`, keys.group));
  const ofParent = once(() => {
    const sql = parentQuery(db, keys, names);
    return sql === undefined ? undefined : prepare(sql, keys.group);
  });
  return {
    /** Returns the fields of one example; undefined if the view has none with that id (and group, if given). */
    example(idValue: KeyValue, groupValue?: KeyValue): StoredRow | undefined {
      const [row] = groupValue === undefined ? byId()(idValue) : byBoth()(idValue, groupValue);
      return row && fieldsOf(row, names);
    },
    /** Returns the fields that all examples of a group share; undefined if the group does not exist. */
    group(value: KeyValue): StoredRow | undefined {
      const find = ofParent();
      if (find) return find(value)[0];
      const rows = byGroup()(value, BigInt(comparedRowsMax + 1));
      if (rows.length > comparedRowsMax) throw tooManyToCompare(keys, value);
      return rows.length === 0
        ? undefined
        : fieldsOf(rows[0], names.filter((name) => rows.every((row) => row[name] === rows[0][name])));
    },
    /** Returns at most `rowsMax` examples of a group with their ids, in the order of ids. */
    examplesOf: (value: KeyValue, rowsMax: number): StoredRow[] => byGroup()(value, BigInt(rowsMax)),
  };
}

interface FailingLookup {
  readonly by: string;
  readonly key: KeyValue;
  /** As SQL; undefined if unknown. */
  readonly column: string | undefined;
  /** All rows were scanned: another one may have failed. */
  readonly scans: boolean;
}

function locationOf({ by, key, column, scans }: FailingLookup): string {
  const row = `${by} ${shownKey(key)}`;
  return scans
    ? `, while the rows were searched for ${row}`
    : `${column === undefined ? "" : ` in ${column}`} of the row with ${row}`;
}

/** The failure that training reports for the same row. */
function unreadable(view: string, detail: string): Failure {
  return new Failure(
    "examples-invalid",
    `Cannot read the view ${view}: ${detail}. Fix the row, or the view in the schema; or send the fields.`,
  );
}

function tooManyToCompare({ view, group }: ExampleKeys, value: KeyValue): Failure {
  return new Failure(
    "lookup-unindexed",
    `${group} ${shownKey(value)} has more than ${
      comparedRowsMax.toLocaleString("en")
    } rows in ${view}, too many to find ` +
      "the fields that they share. Send the fields.",
  );
}

function fieldsOf(row: StoredRow, names: readonly string[]): StoredRow {
  return Object.fromEntries(names.map((name) => [name, row[name]]));
}

/**
 * Returns the query of the fields that come from a table of groups, if the view joins that table by the group's key. It also
 * finds groups without an example.
 */
function parentQuery(db: DatabaseSync, keys: ExampleKeys, fields: readonly string[]): string | undefined {
  const join = parentJoinOf(db, keys.view, listTables(db));
  if (!join) return undefined;
  const origins = columnOrigins(db, `SELECT * FROM ${quoted(keys.view)}`);
  const own = origins.find(({ name }) => name === keys.group);
  const parent = join.parents.find(({ column, parent }) =>
    (own?.table === join.child.name && own.column === column) ||
    (own?.table === parent.name && own.column === parent.key[0])
  )?.parent;
  if (!parent) return undefined;
  const shared = origins.filter(({ name, table }) => table === parent.name && fields.includes(name));
  if (shared.length === 0) return undefined;
  const list = shared.map(({ name, column }) => `${quoted(column ?? name)} AS ${quoted(name)}`).join(", ");
  return `SELECT ${list} FROM ${quoted(parent.name)} WHERE ${quoted(parent.key[0])} = ?`;
}

/** Returns whether SQLite scans whole tables, or builds a temporary index of them, for each execution. */
function isScan(db: DatabaseSync, sql: string): boolean {
  const parameters = tokensOf(sql).flatMap(({ kind, text }) =>
    kind === "other" && text === "?" ? [null] : []
  );
  return db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters).some(({ detail }) =>
    /^SCAN (?!CONSTANT ROW)|\bAUTOMATIC\b/.test(String(detail))
  );
}

/** Returns a function that checks whether the view has at most `scannedRowsMax` rows, cached for `recountAfterMs`. */
function createRowCheck(db: DatabaseSync, view: string, now: () => number): () => boolean {
  let countedAt = -Infinity;
  let isSmall = false;
  return () => {
    if (now() - countedAt > recountAfterMs) {
      isSmall = db.prepare(`SELECT 1 FROM ${view} LIMIT 1 OFFSET ${scannedRowsMax}`).get() === undefined;
      countedAt = now();
    }
    return isSmall;
  };
}

function unindexed(db: DatabaseSync, view: string, column: string): Failure {
  const origin = columnOrigins(db, `SELECT ${quoted(column)} FROM ${quoted(view)}`)[0];
  const remedy = origin?.table && origin.column
    ? `Create one with clickwell ingest --index ${origin.table}.${origin.column}, or send the fields.`
    : "It is an expression, which cannot be indexed: send the fields.";
  return new Failure(
    "lookup-unindexed",
    `The store has no index of ${column}: finding a row of ${view} would read all rows. ${remedy}`,
  );
}

/** Prepares a statement that reads integers as bigint, so that no category is rounded. Numeric fields are rounded, as in training. */
function wideStatement(
  db: DatabaseSync,
  sql: string,
  numeric: ReadonlySet<string>,
): (values: KeyValue[]) => StoredRow[] {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return (values) =>
    statement.all(...values).map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, narrowed(name, value, numeric.has(name))]),
      )
    );
}

/** Converts an integer to a number, or to its digits if it is a category beyond 2^53. */
function narrowed(name: string, value: unknown, isNumeric: boolean): string | number | null {
  if (typeof value === "bigint") {
    const number = Number(value);
    return isNumeric || Number.isSafeInteger(number) ? number : String(value);
  }
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  throw new BadExample(`has the ${name} a blob, expected a text or a number`);
}
