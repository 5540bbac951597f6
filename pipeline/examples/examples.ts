import { createChunkStore } from "../chunks/chunk_store.ts";
import { type MemoryBudget, resetBudget } from "../chunks/memory_budget.ts";
import type { StoredChunk } from "../chunks/chunk_file.ts";
import { readRows } from "./example_rows.ts";
import { buildHashJoin, createProbe, type HashJoin } from "./hash_join/hash_join.ts";
import { mergeChunks } from "./merge_chunks.ts";
import { joinPlanOf } from "./join_plan.ts";
import { Failure } from "../failure.ts";
import { chunkRowsMax, type IdRange, type Ids, rangesOf } from "./id_ranges.ts";
import { type ChildRows, countChildRows, withOrphans } from "./child_rows.ts";
import type { ValueType } from "./level.ts";
import {
  createChunkBuilder,
  type RawChunk,
  type RawExamples,
  sliceSideColumns,
  viewLayout,
} from "./raw_examples.ts";
import { type LeftOutRows, requireAccounted, type RowAccount } from "./row_account.ts";
import { createUsableRows } from "./usable_rows.ts";
import { readingFailure } from "./reading_failure.ts";
import { forceCollectionOnAll } from "../runtime/shared_memory_gc.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import type { FeatureSpec } from "./spec.ts";
import { ReadingStopped, type RowsQuery } from "../store/checked_rows.ts";
import { openReadingConnection, type ReadingMemory, scanMemory } from "../store/reading_connection.ts";
import { quoted } from "../store/sqlite.ts";
import { asFailure } from "../store/sqlite_failure.ts";
import type { Store } from "../store/store.ts";
import { holdWriteLock } from "../store/writing.ts";
import { listTables, type Table } from "../store/table.ts";
import type { Job, Threads } from "../runtime/thread_pool.ts";
import { viewOrdersById } from "./view_order.ts";

/** Rows that come out of SQLite together: few enough that the collector finds them dead. */
const batchRowsMax = 512;
const changedTriesMax = 3;

/** Reads the view: each thread takes the next range of ids until there is none. */
export interface ReadJob extends Job {
  readonly kind: "read";
  readonly path: string;
  readonly spec: FeatureSpec;
  readonly query: RowsQuery;
  /** Ranges of ids, [from, to), in ascending order; one range without bounds where the ids are not integers. */
  readonly ranges: readonly (IdRange | null)[];
  /** Shape (2): next range, rows read so far. */
  readonly shared: Int32Array<SharedArrayBuffer>;
  /** Where what was read is kept; in memory without. */
  readonly budget?: MemoryBudget;
  /** How the view's rows come without the view. */
  readonly join?: HashJoin;
}

interface ReadPart {
  readonly order: number;
  readonly chunk: StoredChunk<RawChunk>;
}

/** What one thread read. */
export interface ReadResult {
  readonly parts: readonly ReadPart[];
  readonly levels: readonly (string | null)[][];
  /** Per categorical field: the kinds of the values, as bits. */
  readonly kinds: readonly number[];
  /** Rows of the view. */
  readonly read: number;
  readonly leftOut: LeftOutRows;
  /** Of the last row, where one range has all rows. */
  readonly lastId?: unknown;
}

/**
 * Reads the examples of the spec's view into columns, in the order of their ids, on all threads.
 *
 * @param options.after Only those with a greater id.
 * @param options.room How much of them is kept in memory, and where the rest goes; without it, all of them are in memory.
 * @param options.observe Called with the rows read so far.
 * @throws {Failure} `examples-invalid` where the view lacks a column or a value is not what the spec says.
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
    throw failureOf(error, store, spec);
  }
}

/** What stopped the calling thread before the rows were read; what stops the reading of rows says where already. */
function failureOf(error: unknown, store: Store, spec: FeatureSpec): unknown {
  if (!(error instanceof ReadingStopped)) return readingFailure(error, spec);
  return readingFailure(error, spec, { db: store.db, query: queryOf(store, spec) });
}

async function readUnchanged(
  store: Store,
  spec: FeatureSpec,
  threads: Threads,
  options: ReadOptions,
): Promise<RawExamples> {
  const { budget: room, observe = () => {} } = options;
  // What may change while it is read is mostly left alone. Where it was changed, or a load has it to itself, it is held still.
  for (let tries = 1;; tries++) {
    using _hold = tries === 1 ? undefined : await holdWriteLock(store.path, () => observe(0));
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
    if (room) resetBudget(room);
  }
}

function isBusy(error: unknown): boolean {
  const failure = asFailure(error, "read the store");
  return failure instanceof Failure && failure.kind === "store-busy";
}

/** @returns undefined where the store was changed meanwhile. */
async function readOnce(
  store: Store,
  spec: FeatureSpec,
  threads: Threads,
  options: ReadOptions,
): Promise<RawExamples | undefined> {
  const { after, budget: room } = options;
  const query = queryOf(store, spec);
  const before = store.journal.externalChanges();
  const ids = idsOf(store, spec);
  const tables = loadableTables(store);
  const child = tables && countChildRows(store, spec, tables, after);
  const results = await readAll(
    store,
    { spec, query: rowsAfter(query, ids ? undefined : after), ids },
    threads,
    options,
  );
  // The threads have connections of their own: a write between their first reads would give them different stores.
  if (store.journal.externalChanges() === before) {
    // What the reading held, and its garbage.
    await forceCollectionOnAll(threads);
    const joined = mergeChunks(
      results.flatMap(({ parts, levels, kinds }) => parts.map((part) => ({ ...part, levels, kinds }))),
      { chunkStore: createChunkStore(room), ...(options.types ? { types: options.types } : {}) },
    );
    const raw = { ...joined, account: accountOf(results, child) };
    requireAccounted(raw.account, raw.rowCount);
    const lastId = lastIdOf(ids, results);
    const hasIds = results.some((result) => result.lastId !== undefined);
    if (after !== undefined && hasIds && lastId === undefined) throw notOrdered(spec);
    return lastId === undefined ? raw : { ...raw, lastId };
  }
  return undefined;
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

/** Ids that are not looked at in ranges are filtered by SQLite. */
function rowsAfter(query: RowsQuery, after: bigint | undefined): RowsQuery {
  return after === undefined
    ? query
    : { ...query, from: `${query.from} WHERE ${query.columns[0]} > ${after}` };
}

/** The greatest id, if it is an integer. Text comes behind all numbers: all ids are numbers then. */
function lastIdOf(ids: Ids | "none" | undefined, results: readonly ReadResult[]): bigint | undefined {
  if (ids !== undefined) return ids === "none" ? undefined : ids.last;
  const [last] = results.flatMap(({ lastId }) => lastId === undefined ? [] : [lastId]);
  if (typeof last === "bigint") return last;
  return typeof last === "number" && Number.isInteger(last) ? BigInt(last) : undefined;
}

function notOrdered({ id }: FeatureSpec): Failure {
  return new Failure(
    "examples-invalid",
    `The ids (${id}) are not integers: which rows are new cannot be told from them. Train anew on all rows.`,
  );
}

export interface ReadOptions {
  readonly after?: bigint;
  /** Per categorical field: as what the model reads it that is continued; undefined for one that does not keep it. */
  readonly types?: readonly (ValueType | undefined)[];
  readonly budget?: MemoryBudget;
  readonly observe?: (rowCount: number) => void;
}

async function readAll(
  store: Store,
  { spec, query, ids }: { spec: FeatureSpec; query: RowsQuery; ids: Ids | "none" | undefined },
  threads: Threads,
  { after, budget: room, observe = () => {} }: ReadOptions,
): Promise<ReadResult[]> {
  const isAll = after === undefined && ids !== undefined && ids !== "none";
  const join = isAll ? await hold(store, spec, threads, { ids, room, pause: () => observe(0) }) : undefined;
  const job: ReadJob = {
    kind: "read",
    path: store.path,
    spec,
    query,
    ranges: ids === "none" ? [] : ids ? rangesOf(ids, after) : [null],
    shared: sharedInt32(2),
    ...(room ? { budget: room } : {}),
    ...(join ? { join } : {}),
  };
  return await threads.run(job, () => readRanges(job, observe));
}

/** What the parents of a join may take where nothing else limits the examples. */
const heldBytesMax = 256e6;

/** Holds the parents of the view's join where it is one, and there is room for them beside the examples. */
async function hold(
  store: Store,
  spec: FeatureSpec,
  threads: Threads,
  { ids, room, pause }: { ids: Ids; room: MemoryBudget | undefined; pause: () => void },
): Promise<HashJoin | undefined> {
  const tables = loadableTables(store);
  const plan = tables && joinPlanOf(store, spec, tables);
  if (!plan) return undefined;
  const bytesMax = room ? room.kibibytes * 1024 : heldBytesMax;
  return await buildHashJoin(store, plan, threads, { ids, bytesMax, pause });
}

/** A store that no file could be loaded into still has a view that can be read. */
function loadableTables({ db }: Store): Table[] | undefined {
  try {
    return listTables(db);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** One thread's part of the reading. */
export function readRanges(job: ReadJob, observe: (rowCount: number) => void = () => {}): ReadResult {
  const { spec, ranges, shared, join } = job;
  const memory = join ? scanMemory : joinMemory(job.path);
  using db = openReadingConnection(job.path, memory);
  const keeper = createChunkStore(job.budget);
  const query = join?.child ?? job.query;
  const place = join && createProbe(db, join);
  const layout = join?.layout ?? viewLayout(spec);
  const usable = createUsableRows(spec, layout);
  const builder = createChunkBuilder(spec, { rowsMax: chunkRowsMax, columns: keeper.columns, layout });
  let read = 0;
  const parts: ReadPart[] = [];
  let lastId: unknown;
  try {
    for (let i = Atomics.add(shared, 0, 1); i < ranges.length; i = Atomics.add(shared, 0, 1)) {
      let sequence = 0;
      // Pages that are mapped count as memory of the process: those that the last range needed are given back.
      if (memory.mappedBytes > 0) {
        db.exec(`PRAGMA mmap_size = 0; PRAGMA mmap_size = ${memory.mappedBytes}`);
      }
      const take = () => parts.push({ order: i * 2 ** 24 + sequence++, chunk: keeper.put(builder.take()) });
      for (const batch of readRows(db, query, ranges[i], { idName: spec.id, batchRowsMax })) {
        if (ranges[i] === null) lastId = batch.at(-1)?.[0];
        const { rows: ofView, side: beside } = place ? place(batch) : { rows: batch };
        // Rows are taken out of those that have their labels with them, and nothing beside.
        const rows = usable.filter(ofView);
        read += ofView.length;
        const fitting = chunkRowsMax - builder.rowCount;
        if (rows.length <= fitting) builder.add(rows, beside);
        else {
          builder.add(rows.slice(0, fitting), beside);
          take();
          builder.add(rows.slice(fitting), beside && sliceSideColumns(beside, fitting));
        }
        observe(Atomics.add(shared, 1, batch.length) + batch.length);
      }
      // A range without rows is a chunk without rows.
      take();
    }
  } catch (error) {
    // The other threads need not read what nobody will use.
    Atomics.store(shared, 0, ranges.length);
    throw readingFailure(error, spec, { db, query });
  }
  return {
    parts,
    levels: builder.levels,
    kinds: builder.kinds,
    read,
    leftOut: usable.leftOut(),
    ...(lastId === undefined ? {} : { lastId }),
  };
}

/**
 * SQLite's own join jumps from lead to lead: stores up to this size are mapped, which counts as memory of the process once for
 * each thread.
 */
const mappedBytesMax = 256 * 2 ** 20;
/** Of a larger one a thread holds the upper levels of its trees; what lies below is met once. */
const readCacheBytes = 32 * 2 ** 20;

function joinMemory(path: string): ReadingMemory {
  const mappedBytes = Deno.statSync(path).size <= mappedBytesMax ? mappedBytesMax : 0;
  return { mappedBytes, cacheBytes: readCacheBytes };
}

/** The columns that training reads, after a check that the view has them. */
function queryOf({ db }: Store, spec: FeatureSpec): RowsQuery {
  const columns = db.prepare("SELECT name FROM pragma_table_info(?)").all(spec.view).map((row) =>
    String(row.name)
  );
  if (columns.length === 0) {
    throw new Failure(
      "examples-invalid",
      `The store has no view "${spec.view}", which the feature spec reads. Name the view of your schema in "view".`,
    );
  }
  const own = [spec.id, spec.label, spec.group];
  const fields = spec.features.map((feature) => feature.name);
  const wanted = [...own, ...(spec.weight === undefined ? [] : [spec.weight]), ...fields];
  const lacking = wanted.filter((name) => !columns.includes(name));
  if (lacking.length > 0) {
    throw new Failure(
      "examples-invalid",
      `The view "${spec.view}" has no column ${lacking.join(", ")}, which the feature spec names; it has ${
        columns.join(", ")
      }.`,
    );
  }
  const weight = spec.weight === undefined ? [] : [spec.weight];
  return { columns: [...own, ...fields, ...weight].map(quoted), from: quoted(spec.view) };
}

/** The least integer that SQLite holds. */
const firstInteger = -(2n ** 63n);

/** The least and the greatest id; undefined where ids are not integers, or the store would have to sort for each range. */
function idsOf(store: Store, spec: FeatureSpec): Ids | "none" | undefined {
  if (!viewOrdersById(store, spec)) return undefined;
  const { db } = store;
  const [view, id] = [quoted(spec.view), quoted(spec.id)];
  const endOf = (order: string) => {
    const statement = db.prepare(`SELECT ${id} AS id FROM ${view} ORDER BY ${id} ${order} LIMIT 1`);
    statement.setReadBigInts(true);
    try {
      return statement.get()?.id;
    } catch (error) {
      // WHERE fails on a row, for all that is known on the first.
      throw new ReadingStopped(error, { lastKey: undefined, from: firstInteger });
    }
  };
  const [first, last] = [endOf("ASC"), endOf("DESC")];
  if (first === undefined) return "none";
  return typeof first === "bigint" && typeof last === "bigint" ? { first, last } : undefined;
}
