import type { DatabaseSync, StatementSync } from "node:sqlite";
import { arrays } from "../store/array_rows.ts";
import type { IdRange } from "./id_ranges.ts";
import { BadExample } from "./raw_examples.ts";

/** One row of the view, in the order of the columns that the query selects; the id comes first. */
export type ExampleRow = readonly unknown[];

export interface RowsQuery {
  /** SELECT … FROM the view, without WHERE or ORDER BY. */
  readonly select: string;
  /** Name of the id's column, and the same quoted for SQL. */
  readonly idName: string;
  readonly id: string;
  /** Rows of one batch at the most. */
  readonly batchRowsMax: number;
}

/**
 * Batches of rows in the order of their ids. Integers beyond 2⁵³ come as bigint, all others as number.
 *
 * @param range Without one, all rows come, whatever their ids are.
 * @throws {BadExample} where an id occurs twice.
 */
export function* readRows(
  db: DatabaseSync,
  query: RowsQuery,
  range: IdRange | null,
): Generator<ExampleRow[]> {
  let before: unknown;
  for (const rows of range ? rangeBatches(db, query, range) : allBatches(db, query)) {
    for (const [id] of rows) {
      if (id === before) {
        throw new BadExample(`${query.idName} ${String(id)} occurs more than once, which a join can do`);
      }
      before = id;
    }
    yield rows;
  }
}

/** A batch is one call into SQLite, which a row-wise iteration would be for each row. */
function* rangeBatches(
  db: DatabaseSync,
  { select, id, batchRowsMax }: RowsQuery,
  [first, to]: IdRange,
): Generator<ExampleRow[]> {
  // One row more than a batch: the next batch begins at it, so that no row of the same id is passed over.
  const sql = `${select} WHERE ${id} >= ? AND ${id} <= ? ORDER BY ${id} LIMIT ${batchRowsMax + 1}`;
  const narrow = arrays(db.prepare(sql));
  const wide = wideArrays(db.prepare(sql));
  // The range's last id, and not the one behind it: that could be beyond what SQLite holds.
  const last = to - 1n;
  for (let from: unknown = first; typeof from === "number" || typeof from === "bigint";) {
    const bounds = [from, last] as const;
    const rows = orWide(() => rowsOf(narrow, bounds), () => rowsOf(wide, bounds).map(narrowed));
    const following = rows.length > batchRowsMax ? rows.pop() : undefined;
    yield rows;
    from = following?.[0];
  }
}

function rowsOf(statement: StatementSync, bounds: readonly [number | bigint, bigint]): ExampleRow[] {
  // In arrays, which the types of `all` do not know.
  return statement.all(...bounds) as unknown as ExampleRow[];
}

function* allBatches(db: DatabaseSync, { select, id, batchRowsMax }: RowsQuery): Generator<ExampleRow[]> {
  let batch: ExampleRow[] = [];
  for (const row of allRows(db, `${select} ORDER BY ${id}`)) {
    batch.push(row);
    if (batch.length === batchRowsMax) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

function* allRows(db: DatabaseSync, sql: string): Generator<ExampleRow> {
  let count = 0;
  try {
    for (const row of iterate(arrays(db.prepare(sql)))) {
      yield row;
      count++;
    }
  } catch (error) {
    if (!isOutOfRange(error)) throw error;
    for (const row of iterate(wideArrays(db.prepare(`${sql} LIMIT -1 OFFSET ${count}`)))) yield narrowed(row);
  }
}

function iterate(statement: StatementSync): Iterable<ExampleRow> {
  return statement.iterate() as Iterable<unknown> as Iterable<ExampleRow>;
}

/** Reads integers as number, which is fast, and as bigint only where one is too large for that. */
function orWide<T>(narrow: () => T, wide: () => T): T {
  try {
    return narrow();
  } catch (error) {
    if (!isOutOfRange(error)) throw error;
    return wide();
  }
}

function isOutOfRange(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_OUT_OF_RANGE";
}

const safe = BigInt(Number.MAX_SAFE_INTEGER);

function narrowed(row: ExampleRow): ExampleRow {
  return row.map((value) =>
    typeof value === "bigint" && -safe <= value && value <= safe ? Number(value) : value
  );
}

function wideArrays(statement: StatementSync): StatementSync {
  statement.setReadBigInts(true);
  return arrays(statement);
}
