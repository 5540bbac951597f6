import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";
import { readingFailure } from "../examples/reading_failure.ts";
import { columnOrigins } from "../store/view/view_columns.ts";
import { openReadingConnection } from "../store/reading_connection.ts";
import { quoted } from "../store/sqlite.ts";
import { countRows, loggedOrphans, loggedRows } from "./load_log.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import type { Store } from "../store/store.ts";
import type { Table } from "../store/table.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";
import { parentJoinOf } from "../store/view/view_shape.ts";

/** Counts ranges of the examples. Each thread takes the next range until there is none left. */
export interface CountJob extends Job {
  readonly kind: "count";
  readonly path: string;
  /** Counts, as `n`, the examples between two keys, or all of them. */
  readonly sql: string;
  readonly ranges: readonly (readonly bigint[])[];
  /** Shape (1): index of the next range. */
  readonly shared: Int32Array<SharedArrayBuffer>;
}

const view = "examples";
/** Number of ranges: enough for an even distribution over the threads. */
const rangeCount = 64n;

/**
 * Counts the rows of the view `examples`.
 *
 * A query looks up a parent for each example, which takes as long as half a load. If the log of loads shows that no row
 * lacks a parent, and the view has one row for each child row with its parents, the result is the row count of the child table.
 *
 * @param options.rowCounts Row counts of tables that have been counted, by name.
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
  const isUnchanged = rows === loggedRows(store, join.child);
  const haveParents = join.parents.every(({ column, parent }) =>
    loggedOrphans(store, join.child, column) === 0 && rowsOf(parent) >= loggedRows(store, parent)
  );
  return isUnchanged && haveParents ? rows : undefined;
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

/** Adds to the message of a failure that the rows have been loaded. */
function countFailure(error: unknown): unknown {
  const failure = readingFailure(error, { view, id: "" });
  return failure instanceof Failure && failure.kind === "examples-invalid"
    ? new Failure(
      failure.kind,
      `The files are loaded. ${failure.message.replace(/^The files are loaded\. /, "")}`,
    )
    : failure;
}

/** Counts one thread's share of the ranges. */
export function countRanges({ path, sql, ranges, shared }: CountJob): number {
  using db = openReadingConnection(path, { mappedBytes: 0, cacheBytes: 64 * 2 ** 20 });
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

/** Returns a column of the view that is the whole integer key of a table, and by which SQLite can search a range of the examples. */
function rangeKey(db: DatabaseSync, tables: readonly Table[]): string | undefined {
  // Compare origins, not names: two tables may both have an id.
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
 * Divides the values of a column into ranges of equal width, each without its end.
 *
 * @returns undefined if a value is not an integer, or is SQLite's largest.
 */
function rangesOf(db: DatabaseSync, column: string): bigint[][] | undefined {
  const statement = db.prepare(
    `SELECT min(${quoted(column)}) AS low, max(${quoted(column)}) AS high FROM ${view}`,
  );
  statement.setReadBigInts(true);
  const { low, high } = statement.get() ?? {};
  if (typeof low !== "bigint" || typeof high !== "bigint" || high >= 2n ** 63n - 1n) return undefined;
  const width = high - low + 1n;
  const count = width < rangeCount ? width : rangeCount;
  const startOf = (i: bigint) => low + width * i / count;
  return Array.from({ length: Number(count) }, (_, i) => [startOf(BigInt(i)), startOf(BigInt(i) + 1n)]);
}
