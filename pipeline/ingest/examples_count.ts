import { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";
import { readingFailure } from "../examples/reading_failure.ts";
import { columnOrigins } from "../store/view/view_columns.ts";
import { limitCache, quoted } from "../store/sqlite.ts";
import { countRows, loggedOrphans, loggedRows } from "./load_log.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import type { Store } from "../store/store.ts";
import type { Table } from "../store/table.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";
import { parentJoinOf } from "../store/view/view_shape.ts";

/** Counts range after range of the examples: each thread takes the next one until there is none. */
export interface CountJob extends Job {
  readonly kind: "count";
  readonly path: string;
  /** Counts, as `n`, the examples between two keys; all of them where there is no range. */
  readonly sql: string;
  readonly ranges: readonly (readonly bigint[])[];
  /** Shape (1): the next range. */
  readonly shared: Int32Array<SharedArrayBuffer>;
}

const view = "examples";
/** Enough to share the work evenly. */
const rangeCount = 64n;

/**
 * Counts the rows of the view `examples`.
 *
 * Counting them looks up a parent for each, which takes as long as half a load. Where the log of loads says that no row
 * lacks a parent, and the view has a row for each row with its parents, the rows of the table are as many.
 *
 * @param options.rowCounts Of tables whose rows have been counted, by name.
 * @throws {Failure} `examples-invalid` if SQLite cannot compute the view.
 */
export async function countExamples(
  store: Store,
  tables: readonly Table[],
  { threads, rowCounts }: { threads: Threads; rowCounts: ReadonlyMap<string, number> },
): Promise<number> {
  return countFromLog(store, tables, rowCounts) ?? await countOnThreads(store, tables, threads);
}

function countFromLog(
  store: Store,
  tables: readonly Table[],
  rowCounts: ReadonlyMap<string, number>,
): number | undefined {
  const join = parentJoinOf(store.db, view, tables);
  if (!join) return undefined;
  const rowsOf = (table: Table) => rowCounts.get(table.name) ?? countRows(store, table);
  const rows = rowsOf(join.child);
  const isWholeChild = rows === loggedRows(store, join.child);
  const areWhole = join.parents.every(({ column, parent }) =>
    loggedOrphans(store, join.child, column) === 0 && rowsOf(parent) >= loggedRows(store, parent)
  );
  return isWholeChild && areWhole ? rows : undefined;
}

async function countOnThreads(store: Store, tables: readonly Table[], threads: Threads): Promise<number> {
  try {
    const key = rangeKey(store.db, tables);
    const ranges = key === undefined ? undefined : rangesOf(store.db, key);
    const sql = `SELECT count(*) AS n FROM ${view}`;
    const job: CountJob = {
      kind: "count",
      path: store.path,
      sql: key !== undefined && ranges ? `${sql} WHERE ${quoted(key)} >= ? AND ${quoted(key)} < ?` : sql,
      ranges: ranges ?? [[]],
      shared: sharedInt32(1),
    };
    const counts = await threads.run(job, () => countRanges(job));
    return counts.reduce((sum, count) => sum + count, 0);
  } catch (error) {
    throw countFailure(error);
  }
}

/** The rows that are to be counted are in the store by now. */
function countFailure(error: unknown): unknown {
  const failure = readingFailure(error, { view, id: "" });
  return failure instanceof Failure && failure.kind === "examples-invalid"
    ? new Failure(
      failure.kind,
      `The files are loaded. ${failure.message.replace(/^The files are loaded\. /, "")}`,
    )
    : failure;
}

/** One thread's part. */
export function countRanges({ path, sql, ranges, shared }: CountJob): number {
  using db = new DatabaseSync(path, { readOnly: true });
  db.exec("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF");
  limitCache(db, 64 * 2 ** 20);
  try {
    const statement = db.prepare(sql);
    let count = 0;
    for (let i = Atomics.add(shared, 0, 1); i < ranges.length; i = Atomics.add(shared, 0, 1)) {
      count += Number(statement.get(...ranges[i])?.n);
    }
    return count;
  } catch (error) {
    throw countFailure(error);
  }
}

/** A column of the view that is the whole key of a table, an integer, and by which SQLite finds a range of the examples. */
function rangeKey(db: DatabaseSync, tables: readonly Table[]): string | undefined {
  // By what a column is, and not by its name: two tables may both have an id.
  const origins = columnOrigins(db, `SELECT * FROM ${view}`);
  for (const { name: table, key, columns } of tables) {
    const isInteger = columns.some(({ name, type }) => name === key[0] && type === "INTEGER");
    const own = origins.find((origin) => origin.table === table && origin.column === key[0]);
    if (key.length !== 1 || !isInteger || !own) continue;
    const plan = db.prepare(
      `EXPLAIN QUERY PLAN SELECT count(*) FROM ${view} WHERE ${quoted(own.name)} >= ? AND ${
        quoted(own.name)
      } < ?`,
    ).all(0, 0);
    if (plan.some(({ detail }) => /^SEARCH .*>\? AND .*<\?\)/.test(String(detail)))) return own.name;
  }
  return undefined;
}

/**
 * Ranges of equal width, each without its end.
 *
 * @returns undefined if the column has something else than integers that end before SQLite's last.
 */
function rangesOf(db: DatabaseSync, column: string): bigint[][] | undefined {
  const statement = db.prepare(
    `SELECT min(${quoted(column)}) AS low, max(${quoted(column)}) AS high FROM ${view}`,
  );
  statement.setReadBigInts(true);
  const { low, high } = statement.get() ?? {};
  if (typeof low !== "bigint" || typeof high !== "bigint" || high >= 2n ** 63n - 1n) return undefined;
  const span = high - low + 1n;
  const count = span < rangeCount ? span : rangeCount;
  const startOf = (i: bigint) => low + span * i / count;
  return Array.from({ length: Number(count) }, (_, i) => [startOf(BigInt(i)), startOf(BigInt(i) + 1n)]);
}
