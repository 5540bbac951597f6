import { createChunkStore } from "../chunks/chunk_store.ts";
import { type MemoryBudget, resetBudget } from "../chunks/memory_budget.ts";
import { Failure } from "../failure.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import { forceCollectionOnAll } from "../runtime/shared_memory_gc.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { ReadingStopped, type RowsQuery, selectOf } from "../store/checked_rows.ts";
import { asFailure } from "../store/sqlite_failure.ts";
import type { Store } from "../store/store.ts";
import { listTables, type Table } from "../store/table.ts";
import { holdWriteLock } from "../store/writing.ts";
import { type ChildRows, countChildRows, withOrphans } from "./child_rows.ts";
import { queryOf, rowsAfter } from "./examples_query.ts";
import { buildHashJoin } from "./hash_join/hash_join.ts";
import { joinLater } from "./hash_join/later_parents.ts";
import { inputColumnsOf } from "./input_columns.ts";
import { chunkRowsOf, type Ids, idsOf, rangesOf } from "./id_ranges.ts";
import { joinIn, planJoin } from "./join_plan.ts";
import type { ValueType } from "./level.ts";
import { requireOneNegative } from "./labels.ts";
import { mergeChunks } from "./merge_chunks.ts";
import { type ReadJob, readRanges, type ReadResult } from "./range_reader.ts";
import type { RawExamples } from "./raw_examples.ts";
import { readingFailure } from "./reading_failure.ts";
import { requireAccounted, type RowAccount } from "./row_account.ts";
import type { FeatureSpec } from "./spec.ts";

const changedTriesMax = 3;
/** SQLite joins fewer rows in about a second. */
const manyRows = 100_000;
/** Why a planned join was left to SQLite. */
const unheld =
  "a key is no UTF-8, a number is not exact as one of 64 bits, or parents of examples that may have no label exceed --memory";
/** Memory for the build sides of a hash join if the examples have no budget. */
const buildBytesMax = 256e6;

export interface ReadOptions {
  /** Only rows with a greater id. */
  readonly after?: bigint;
  /** Per categorical field: the type as which the model to be updated reads it; undefined if that model does not record it. */
  readonly types?: readonly (ValueType | undefined)[];
  /** Memory for the examples, and the folder for chunks that exceed it. Default: all examples stay in memory. */
  readonly budget?: MemoryBudget;
  /** Called with the rows read so far. */
  readonly observe?: (rowCount: number) => void;
  /** Called with the reason if SQLite joined many rows, which takes some times as long as a hash join. */
  readonly onSlowJoin?: (reason: string) => void;
}

/**
 * Reads the examples of the spec's view into columns, in the order of their ids, on all threads.
 *
 * @throws {Failure} `examples-invalid` if the view lacks a column or a value does not match the spec; `store-busy` if the
 *   store keeps changing.
 */
export async function readExamples(
  store: Store,
  spec: FeatureSpec,
  threads: Threads,
  options: ReadOptions = {},
): Promise<RawExamples> {
  try {
    return await readUnchanged(store, spec, threads, options);
  } catch (error) {
    // Names the row for an error of the calling thread. Errors of the row readers name it already.
    if (!(error instanceof ReadingStopped)) throw readingFailure(error, spec);
    throw readingFailure(error, spec, { db: store.db, query: queryOf(store, spec) });
  }
}

async function readUnchanged(
  store: Store,
  spec: FeatureSpec,
  threads: Threads,
  options: ReadOptions,
): Promise<RawExamples> {
  const { budget, observe = () => {} } = options;
  // The first try takes no lock: the store rarely changes while it is read. After a change, or if a load excludes readers,
  // the write lock is held.
  for (let tries = 1;; tries++) {
    using _lock = tries === 1 ? undefined : await holdWriteLock(store.path, () => observe(0));
    try {
      const raw = await readOnce(store, spec, threads, options);
      if (raw) return raw;
    } catch (error) {
      if (tries > 1 || !isBusy(error)) throw error;
    }
    if (tries === changedTriesMax) {
      throw new Failure(
        "store-busy",
        `The store changed ${tries} times while it was read. Train when nothing is being loaded.`,
      );
    }
    if (budget) resetBudget(budget);
  }
}

function isBusy(error: unknown): boolean {
  const failure = asFailure(error, "read the store");
  return failure instanceof Failure && failure.kind === "store-busy";
}

/** @returns undefined if the store changed during the read. */
async function readOnce(
  store: Store,
  spec: FeatureSpec,
  threads: Threads,
  options: ReadOptions,
): Promise<RawExamples | undefined> {
  const { after, budget, types } = options;
  const query = queryOf(store, spec);
  const before = store.journal.externalChanges();
  const ids = idsOf(store, spec);
  const tables = loadableTables(store);
  const child = tables && countChildRows(store, spec, tables, after);
  // Ids that are not split into ranges are filtered by SQLite.
  const rows = { spec, query: rowsAfter(query, ids ? undefined : after), ids, tables };
  const results = await readAll(store, rows, threads, options);
  // Each thread has its own connection: a write between their first reads would give them different snapshots.
  if (store.journal.externalChanges() !== before) return undefined;
  requireOneNegative(spec, results.map(({ negative }) => negative));
  // Frees the buffers of the readers and their garbage.
  await forceCollectionOnAll(threads);
  const merged = mergeChunks(
    results.flatMap(({ parts, levels, kinds }) => parts.map((part) => ({ ...part, levels, kinds }))),
    { chunkStore: createChunkStore(budget), ...(types ? { types } : {}) },
  );
  const raw = { ...merged, account: accountOf(results, child) };
  requireAccounted(raw.account, raw.rowCount);
  const lastId = lastIdOf(ids, results);
  const hasIds = results.some((result) => result.lastId !== undefined);
  if (after !== undefined && hasIds && lastId === undefined) throw notOrdered(spec);
  return lastId === undefined ? raw : { ...raw, lastId };
}

function accountOf(results: readonly ReadResult[], child: ChildRows | undefined): RowAccount {
  const sum = (of: (result: ReadResult) => number) => results.reduce((sum, result) => sum + of(result), 0);
  const account = {
    read: sum(({ read }) => read),
    noLabel: sum(({ leftOut }) => leftOut.noLabel),
    zeroWeight: sum(({ leftOut }) => leftOut.zeroWeight),
  };
  return child ? withOrphans(account, child) : account;
}

/** Returns the greatest id if it is an integer. Text sorts after all numbers, so all ids are numbers then. */
function lastIdOf(ids: Ids | "none" | undefined, results: readonly ReadResult[]): bigint | undefined {
  if (ids !== undefined) return ids === "none" ? undefined : ids.last;
  const [last] = results.flatMap(({ lastId }) => lastId === undefined ? [] : [lastId]);
  if (typeof last === "bigint") return last;
  return typeof last === "number" && Number.isInteger(last) ? BigInt(last) : undefined;
}

function notOrdered({ id }: FeatureSpec): Failure {
  return new Failure(
    "examples-invalid",
    `The ids (${id}) are not integers: they do not show which rows are new. Train on all rows instead.`,
  );
}

interface RowsToRead {
  readonly spec: FeatureSpec;
  readonly query: RowsQuery;
  readonly ids: Ids | "none" | undefined;
  readonly tables: readonly Table[] | undefined;
}

async function readAll(
  store: Store,
  { spec, query, ids, tables }: RowsToRead,
  threads: Threads,
  { after, budget, observe = () => {}, onSlowJoin }: ReadOptions,
): Promise<ReadResult[]> {
  const isAll = after === undefined && ids !== undefined && ids !== "none";
  const planned = tables ? planJoin(store, spec, tables) : "a table is not of the kind that is loaded";
  const plan = isAll ? joinIn(planned) : undefined;
  // The build sides of a hash join have to fit into memory next to the examples.
  const bytesMax = budget ? budget.kibibytes * 1024 : buildBytesMax;
  const join = plan && isAll
    ? await buildHashJoin(store, plan, threads, {
      ids,
      bytesMax,
      ...(budget ? { budget } : {}),
      pause: () => observe(0),
    })
    : undefined;
  const job: ReadJob = {
    kind: "read",
    path: store.path,
    spec,
    query,
    ranges: ids === "none" ? [] : ids ? rangesOf(ids, after) : [null],
    shared: sharedInt32(2),
    ...(budget ? { budget } : {}),
    ...(join ? { join } : {}),
  };
  const results = await threads.run(job, () => readRanges(job, observe));
  if (!join) {
    const isMany = results.reduce((sum, { read }) => sum + read, 0) >= manyRows;
    const reason = typeof planned === "object" ? unheld : planned;
    if (isMany && after === undefined && readsTables(store, query) > 1) onSlowJoin?.(reason);
    return results;
  }
  return await joinLater(results, join, {
    threads,
    budget,
    rowsMax: chunkRowsOf(inputColumnsOf(spec.features).length),
    pause: () => observe(0),
  });
}

/** Returns how many tables SQLite reads for a query. */
function readsTables({ db }: Store, query: RowsQuery): number {
  const steps = db.prepare(`EXPLAIN QUERY PLAN ${selectOf(query)}`).all();
  return steps.filter(({ detail }) => /^(SCAN|SEARCH) /.test(String(detail))).length;
}

/** The store's tables; undefined if they cannot be loaded into, in which case the view can still be read. */
function loadableTables({ db }: Store): Table[] | undefined {
  try {
    return listTables(db);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
