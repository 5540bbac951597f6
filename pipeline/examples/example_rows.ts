import type { DatabaseSync } from "node:sqlite";
import {
  iterateRows,
  ReadingStopped,
  type RowsQuery,
  rowsReader,
  selectOf,
  type SqlRow,
  type SqlValue,
} from "../store/checked_rows.ts";
import type { IdRange } from "./id_ranges.ts";
import { BadExample } from "./row_values.ts";

export interface ExampleRowsOptions {
  /** Name of the id column, for messages. */
  readonly idName: string;
  /** Rows of one batch, at most. */
  readonly batchRowsMax: number;
}

/**
 * Reads batches of rows in the order of their ids, which are the query's first column. Integers beyond 2⁵³ are bigint, others
 * number.
 *
 * @param range null for all rows, with ids of any type.
 * @throws {BadExample} if an id occurs twice.
 * @throws {ReadingStopped} if SQLite cannot read to the end.
 */
export function* readRows(
  db: DatabaseSync,
  query: RowsQuery,
  range: IdRange | null,
  options: ExampleRowsOptions,
): Generator<SqlRow[]> {
  const { idName, batchRowsMax } = options;
  let before: unknown;
  for (
    const rows of range ? rangeBatches(db, query, range, batchRowsMax) : allBatches(db, query, batchRowsMax)
  ) {
    for (const [id] of rows) {
      if (id === before) {
        throw new BadExample(
          id === null
            ? `several rows have no ${idName}, expected one for each`
            : `${idName} ${String(id)} occurs more than once, as a join can cause`,
        );
      }
      before = id;
    }
    yield rows;
  }
}

/** The greatest integer that SQLite stores. */
const lastInteger = 2n ** 63n - 1n;

/** Reads each batch in one call into SQLite, where an iterator needs one call per row. */
function* rangeBatches(
  db: DatabaseSync,
  query: RowsQuery,
  [first, to]: IdRange,
  batchRowsMax: number,
): Generator<SqlRow[]> {
  const [id] = query.columns;
  // Up to the start of the next range, not to the last integer of this one: a view may have an id like 2.5. The last integer
  // has no successor to compare with.
  const [end, last] = to > lastInteger ? ["<=", lastInteger] : ["<", to];
  // One row more than a batch, at which the next batch starts, so that no row of the same id is skipped.
  const sql = `${selectOf(query)} WHERE ${id} >= ? AND ${id} ${end} ? ORDER BY ${id} LIMIT ${
    batchRowsMax + 1
  }`;
  const read = rowsReader(db, sql);
  let lastId: unknown;
  for (let from: SqlValue | undefined = first; from !== undefined;) {
    const rows = readBatch(read, from, last, lastId);
    const following = rows.length > batchRowsMax ? rows.pop() : undefined;
    lastId = rows.at(-1)?.[0];
    yield rows;
    from = following && integerOf(following[0]);
  }
}

function readBatch(
  read: (...parameters: SqlValue[]) => SqlRow[],
  from: SqlValue,
  last: SqlValue,
  lastId: unknown,
): SqlRow[] {
  try {
    return read(from, last);
  } catch (error) {
    throw new ReadingStopped(error, { from, lastKey: lastId });
  }
}

/** Asserts that an id between two integers is a number. */
function integerOf(id: unknown): number | bigint {
  if (typeof id === "number" || typeof id === "bigint") return id;
  throw new Error(`an id between integers is ${typeof id}`);
}

function* allBatches(db: DatabaseSync, query: RowsQuery, batchRowsMax: number): Generator<SqlRow[]> {
  let batch: SqlRow[] = [];
  for (const row of iterateRows(db, query)) {
    batch.push(row);
    if (batch.length === batchRowsMax) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
