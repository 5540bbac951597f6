import type { DatabaseSync, StatementSync } from "node:sqlite";
import { arrays } from "./sqlite.ts";

/** A row as an array, in the order of the query's columns. Integers beyond ±2⁵³ are bigint, all others number. */
export type SqlRow = readonly unknown[];

/** A value of a statement's parameter. */
export type SqlValue = string | number | bigint | Uint8Array;

/** A query for rows. All members are SQL. */
export interface RowsQuery {
  /** The first column is the key by which failures name a row. */
  readonly columns: readonly string[];
  /** A table or a view. */
  readonly from: string;
}

/** The error of a query that SQLite stopped before its last row. */
export class ReadingStopped extends Error {
  override readonly name = "ReadingStopped";

  /** Key of the last row that was read; undefined if there was none. */
  readonly lastKey: unknown;
  /** Key from which on the failing row is; undefined if it is not known. */
  readonly from: SqlValue | undefined;

  /** @param reason What SQLite threw. */
  constructor(
    readonly reason: unknown,
    { lastKey, from }: { lastKey: unknown; from?: SqlValue | undefined },
  ) {
    super(reason instanceof Error ? reason.message : String(reason), { cause: reason });
    this.lastKey = lastKey;
    this.from = from;
  }
}

/**
 * Yields all rows of a query in ascending order of its first column.
 *
 * `StatementSync.iterate()` of Deno's `node:sqlite` ends without an error at a row for which `all()` would throw (an
 * expression that fails, an integer beyond 2⁵³). So the statement returns one more row, the marker: a query that ends before it
 * was stopped, and an aggregate over the rest reports why. A test forbids `iterate()` elsewhere.
 *
 * @throws {ReadingStopped}
 */
export function* iterateRows(db: DatabaseSync, query: RowsQuery): Generator<SqlRow> {
  const width = query.columns.length;
  let count = 0;
  let lastKey: unknown;
  let isWide = false;
  for (;;) {
    const sql = `${selectOf(query)} ORDER BY ${query.columns[0]} LIMIT -1 OFFSET ${count}`;
    let hasEnded = false;
    for (const row of iterate(db, withMarker(sql, width), isWide)) {
      // The marker is last because SQLite runs the SELECTs of UNION ALL one after the other.
      if (hasEnded) throw new Error("a row followed the marker of the last row");
      hasEnded = Number(row.pop()) === 1;
      if (hasEnded) continue;
      lastKey = row[0];
      count++;
      yield isWide ? narrowed(row) : row;
    }
    if (hasEnded) return;
    if (isWide) throw findStop(db, sql, { width, lastKey });
    // An integer may have been too large for a number: the rest is read as bigint, which is slower.
    isWide = true;
  }
}

/** Finds out why a query stopped: an aggregate has to compute all rows, and throws the error. */
function findStop(
  db: DatabaseSync,
  sql: string,
  { width, lastKey }: { width: number; lastKey: unknown },
): ReadingStopped {
  const names = Array.from({ length: width }, (_, i) => `c${i}`);
  const position = { lastKey, from: isSqlValue(lastKey) ? lastKey : undefined };
  try {
    wide(db.prepare(
      `WITH rest (${names.join(", ")}) AS (${sql}) SELECT ${
        names.map((name) => `max(${name})`).join(", ")
      } FROM rest`,
    )).get();
  } catch (error) {
    return new ReadingStopped(error, position);
  }
  return new ReadingStopped(new Error("SQLite ended the query early without an error"), position);
}

/** Returns a function that reads the rows of a query for its parameters: all rows, or it throws. */
export function rowsReader(db: DatabaseSync, sql: string): (...parameters: SqlValue[]) => SqlRow[] {
  const narrow = arrays(db.prepare(sql));
  let wideStatement: StatementSync | undefined;
  return (...parameters) => {
    try {
      // Rows are arrays, which the types of `all` do not declare.
      return narrow.all(...parameters) as unknown as SqlRow[];
    } catch (error) {
      if (!isOutOfRange(error)) throw error;
    }
    // Integers are read as number, which is fast, and as bigint only if one of them is too large.
    wideStatement ??= wide(db.prepare(sql));
    return (wideStatement.all(...parameters) as unknown as SqlRow[]).map(narrowed);
  };
}

/** Returns `SELECT … FROM …`, to which WHERE or ORDER BY can be appended. */
export function selectOf({ columns, from }: RowsQuery): string {
  return `SELECT ${columns.join(", ")} FROM ${from}`;
}

/** Returns whether an error was thrown because an integer is too large for a number. */
export function isOutOfRange(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_OUT_OF_RANGE";
}

/** Returns whether a value can be a parameter that is compared with a column. */
export function isSqlValue(value: unknown): value is SqlValue {
  return typeof value === "string" || typeof value === "number" || typeof value === "bigint" ||
    value instanceof Uint8Array;
}

function withMarker(sql: string, width: number): string {
  return `SELECT *, 0 FROM (${sql}) UNION ALL SELECT ${"NULL, ".repeat(width)}1`;
}

function iterate(db: DatabaseSync, sql: string, isWide: boolean): Iterable<unknown[]> {
  const statement = db.prepare(sql);
  return (isWide ? wide(statement) : arrays(statement)).iterate() as Iterable<unknown> as Iterable<unknown[]>;
}

function wide(statement: StatementSync): StatementSync {
  statement.setReadBigInts(true);
  return arrays(statement);
}

const safe = BigInt(Number.MAX_SAFE_INTEGER);

function narrowed(row: SqlRow): SqlRow {
  return row.map((value) =>
    typeof value === "bigint" && -safe <= value && value <= safe ? Number(value) : value
  );
}
