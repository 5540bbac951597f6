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

/** One row of the view, in the order of the columns that the query selects; the id comes first. */
export type ExampleRow = SqlRow;

export interface ExampleRowsOptions {
  /** Name of the id's column, for messages. */
  readonly idName: string;
  /** Rows of one batch at the most. */
  readonly batchRowsMax: number;
}

/**
 * Batches of rows in the order of their ids, which are the query's first column. Integers beyond 2⁵³ come as bigint, all
 * others as number.
 *
 * @param range Without one, all rows come, whatever their ids are.
 * @throws {BadExample} where an id occurs twice.
 * @throws {ReadingStopped} if SQLite cannot read to the end.
 */
export function* readRows(
  db: DatabaseSync,
  query: RowsQuery,
  range: IdRange | null,
  options: ExampleRowsOptions,
): Generator<ExampleRow[]> {
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
            : `${idName} ${String(id)} occurs more than once, which a join can do`,
        );
      }
      before = id;
    }
    yield rows;
  }
}

/** The greatest integer that SQLite holds. */
const lastInteger = 2n ** 63n - 1n;

/** A batch is one call into SQLite, which a row-wise iteration would be for each row. */
function* rangeBatches(
  db: DatabaseSync,
  query: RowsQuery,
  [first, to]: IdRange,
  batchRowsMax: number,
): Generator<ExampleRow[]> {
  const [id] = query.columns;
  // Up to the next range, and not up to its own last integer: a view may have an id like 2.5. Behind the last integer there
  // is none to compare with.
  const [end, last] = to > lastInteger ? ["<=", lastInteger] : ["<", to];
  // One row more than a batch: the next batch begins at it, so that no row of the same id is passed over.
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

/** What a range of integers has as ids are numbers. */
function integerOf(id: unknown): number | bigint {
  if (typeof id === "number" || typeof id === "bigint") return id;
  throw new Error(`an id between integers is ${typeof id}`);
}

function* allBatches(db: DatabaseSync, query: RowsQuery, batchRowsMax: number): Generator<ExampleRow[]> {
  let batch: ExampleRow[] = [];
  for (const row of iterateRows(db, query)) {
    batch.push(row);
    if (batch.length === batchRowsMax) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
