import type { DatabaseSync, StatementSync } from "node:sqlite";
import { arrays } from "./sqlite.ts";

/** A row as an array, in the order of the query's columns. Integers beyond 2⁵³ are bigint, all other integers number. */
export type SqlRow = readonly unknown[];

/** What a statement is given for its parameters. */
export type SqlValue = string | number | bigint | Uint8Array;

/** Rows of tables or a view. All parts are SQL. */
export interface RowsQuery {
  /** The first is the key by which failures name a row. */
  readonly columns: readonly string[];
  /** A table or a view. */
  readonly from: string;
}

/** SQLite stopped in the middle of a reading. */
export class ReadingStopped extends Error {
  override readonly name = "ReadingStopped";

  /** Of the last row that was read; undefined if none was. */
  readonly lastKey: unknown;
  /** A key from which on the reading was to go on; undefined if that is not known. */
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
 * Iterates over all rows of a query, in ascending order of its first column.
 *
 * `StatementSync.iterate()` of Deno's `node:sqlite` ends without an error at a row that `all()` would throw on (an
 * expression that fails, an integer beyond 2⁵³). So the statement has one row more, the marker: a reading that ends before
 * it has stopped, and an aggregate over the rest says why. This is the only place that may call `iterate()`; a test forbids it elsewhere.
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
      // The marker is last because SQLite runs the parts of UNION ALL one after the other.
      if (hasEnded) throw new Error("a row came behind the marker of the last row");
      hasEnded = Number(row.pop()) === 1;
      if (hasEnded) continue;
      lastKey = row[0];
      count++;
      yield isWide ? narrowed(row) : row;
    }
    if (hasEnded) return;
    if (isWide) throw stopOf(db, sql, { width, lastKey });
    // Perhaps an integer was too large for a number: what is left is read as bigint, which is slower.
    isWide = true;
  }
}

/** Why a query cannot be read to its end: an aggregate has to compute all its rows, and throws what fails. */
function stopOf(
  db: DatabaseSync,
  sql: string,
  { width, lastKey }: { width: number; lastKey: unknown },
): ReadingStopped {
  const names = Array.from({ length: width }, (_, i) => `c${i}`);
  const place = { lastKey, from: isSqlValue(lastKey) ? lastKey : undefined };
  try {
    wide(db.prepare(
      `WITH rest (${names.join(", ")}) AS (${sql}) SELECT ${
        names.map((name) => `max(${name})`).join(", ")
      } FROM rest`,
    )).get();
  } catch (error) {
    return new ReadingStopped(error, place);
  }
  return new ReadingStopped(new Error("SQLite ended the reading early and does not say why"), place);
}

/** @returns What reads the rows of a query for its parameters, all of them or none. */
export function rowsReader(db: DatabaseSync, sql: string): (...parameters: SqlValue[]) => SqlRow[] {
  const narrow = arrays(db.prepare(sql));
  let ofAnySize: StatementSync | undefined;
  return (...parameters) => {
    try {
      // In arrays, which the types of `all` do not know.
      return narrow.all(...parameters) as unknown as SqlRow[];
    } catch (error) {
      if (!isOutOfRange(error)) throw error;
    }
    // Integers are read as number, which is fast, and as bigint only where one is too large for that.
    ofAnySize ??= wide(db.prepare(sql));
    return (ofAnySize.all(...parameters) as unknown as SqlRow[]).map(narrowed);
  };
}

/** SELECT … FROM …, to which WHERE or ORDER BY can be added. */
export function selectOf({ columns, from }: RowsQuery): string {
  return `SELECT ${columns.join(", ")} FROM ${from}`;
}

/** Whether this was thrown because an integer is too large for a number. */
export function isOutOfRange(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_OUT_OF_RANGE";
}

/** Whether a value can be compared with a column's again. */
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
