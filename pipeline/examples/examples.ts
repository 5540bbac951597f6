import { DatabaseSync } from "node:sqlite";
import { createKeeper } from "../chunks/chunk_keeper.ts";
import { type ChunkRoom, clearRoom } from "../chunks/chunk_room.ts";
import type { StoredChunk } from "../chunks/stored_chunk.ts";
import { readRows } from "./example_rows.ts";
import { joinChunks } from "./join_chunks.ts";
import { Failure } from "../failure.ts";
import { chunkRowsMax, type IdRange, type Ids, rangesOf } from "./id_ranges.ts";
import { BadExample, createChunkBuilder, type RawChunk, type RawExamples } from "./raw_examples.ts";
import { sharedInt32 } from "../shared_memory.ts";
import type { FeatureSpec } from "./spec.ts";
import { asFailure, sqliteCode } from "../store/sqlite_failure.ts";
import { limitCache } from "../store/page_cache.ts";
import type { Store } from "../store/store.ts";
import type { Job, Threads } from "../threads.ts";

/** Rows that come out of SQLite together: few enough that the collector finds them dead. A divisor of a chunk's. */
const batchRowsMax = 2_048;
const changedTriesMax = 3;

/** Reads the view: each thread takes the next range of ids until there is none. */
export interface ReadJob extends Job {
  readonly kind: "read";
  readonly path: string;
  readonly spec: FeatureSpec;
  readonly query: string;
  /** Ranges of ids, [from, to), in ascending order; one range without bounds where the ids are not integers. */
  readonly ranges: readonly (IdRange | null)[];
  /** Shape (2): next range, rows read so far. */
  readonly shared: Int32Array<SharedArrayBuffer>;
  /** Where what was read is kept; in memory without. */
  readonly room?: ChunkRoom;
}

interface ReadPart {
  readonly order: number;
  readonly chunk: StoredChunk<RawChunk>;
}

/** What one thread read. */
export interface ReadResult {
  readonly parts: readonly ReadPart[];
  readonly levels: readonly (string | null)[][];
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
  options: { after?: bigint; room?: ChunkRoom; observe?: (rowCount: number) => void } = {},
): Promise<RawExamples> {
  const { after, room, observe = () => {} } = options;
  const query = selectOf(store, spec);
  for (let tries = 1;; tries++) {
    const before = dataVersion(store);
    const ids = idsOf(store, spec);
    if (after !== undefined && !ids) {
      throw new Failure(
        "examples-invalid",
        `The ids (${spec.id}) are not integers: which rows are new cannot be told from them.`,
      );
    }
    const job: ReadJob = {
      kind: "read",
      path: store.path,
      spec,
      query,
      ranges: ids === "none" ? [] : ids ? rangesOf(ids, after) : [null],
      shared: sharedInt32(2),
      ...(room ? { room } : {}),
    };
    const results = await threads.run(job, () => readRanges(job, observe));
    // The threads have connections of their own: a write between their first reads would give them different stores.
    if (dataVersion(store) === before) {
      const keeper = createKeeper(room);
      const raw = joinChunks(
        results.flatMap(({ parts, levels }) => parts.map((part) => ({ ...part, levels }))),
        keeper,
      );
      return ids === undefined || ids === "none" ? raw : { ...raw, lastId: ids.last };
    }
    if (tries === changedTriesMax) {
      throw new Failure(
        "store-busy",
        `The store changed ${tries} times while it was read. Train when nothing is being loaded.`,
      );
    }
    if (room) clearRoom(room);
  }
}

/** One thread's part of the reading. */
export function readRanges(job: ReadJob, observe: (rowCount: number) => void = () => {}): ReadResult {
  const { spec, ranges, shared } = job;
  using db = new DatabaseSync(job.path, { readOnly: true });
  const keeper = createKeeper(job.room);
  const mappedBytes = prepareReading(db, job.path);
  const query = { select: job.query, idName: spec.id, id: quoted(spec.id), batchRowsMax };
  const builder = createChunkBuilder(spec, chunkRowsMax, keeper.columns);
  const parts: ReadPart[] = [];
  try {
    for (let i = Atomics.add(shared, 0, 1); i < ranges.length; i = Atomics.add(shared, 0, 1)) {
      let sequence = 0;
      // Pages that are mapped count as memory of the process: those that the last range needed are given back.
      if (mappedBytes > 0) db.exec(`PRAGMA mmap_size = 0; PRAGMA mmap_size = ${mappedBytes}`);
      const take = () => parts.push({ order: i * 2 ** 24 + sequence++, chunk: keeper.keep(builder.take()) });
      for (const batch of readRows(db, query, ranges[i])) {
        if (builder.rowCount === chunkRowsMax) take();
        builder.add(batch);
        observe(Atomics.add(shared, 1, batch.length) + batch.length);
      }
      // A range without rows is a chunk without rows.
      take();
    }
  } catch (error) {
    // The other threads need not read what nobody will use.
    Atomics.store(shared, 0, ranges.length);
    throw readingFailure(error, spec);
  }
  return { parts, levels: builder.levels };
}

/**
 * Stores up to this size are mapped: the join jumps from lead to lead, and mapped pages spare a system call for each. But they
 * count as memory of the process, once for each thread.
 */
const mappedBytesMax = 256 * 2 ** 20;
/** Of a larger one a thread holds the upper levels of its trees; what lies below is met once. */
const readCacheBytes = 32 * 2 ** 20;

/** @returns How much of the store is mapped. */
function prepareReading(db: DatabaseSync, path: string): number {
  const mappedBytes = Deno.statSync(path).size <= mappedBytesMax ? mappedBytesMax : 0;
  db.exec(
    `PRAGMA mmap_size = ${mappedBytes}; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 5000`,
  );
  limitCache(db, readCacheBytes);
  return mappedBytes;
}

/** What went wrong with the view, as a failure that its user can act on; any other error as it is. */
function readingFailure(error: unknown, { view }: FeatureSpec): unknown {
  const known = asFailure(error, `read the view ${view}`);
  const ofView = error instanceof BadExample || sqliteCode(error) !== undefined;
  if (known instanceof Failure || !(error instanceof Error) || !ofView) return known;
  return new Failure(
    "examples-invalid",
    `Cannot read the view ${view}: ${error.message}. Mend the row, or the view in the schema.`,
  );
}

/** The columns that training reads, after a check that the view has them. */
function selectOf({ db }: Store, spec: FeatureSpec): string {
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
  // The weight has a place of its own even where there is none: every field's place is the same.
  const weight = spec.weight === undefined ? "NULL" : quoted(spec.weight);
  const selected = [...own.map(quoted), weight, ...fields.map(quoted)];
  return `SELECT ${selected.join(", ")} FROM ${quoted(spec.view)}`;
}

/** The least and the greatest id; undefined where ids are not integers, or the store would have to sort for each range. */
function idsOf(store: Store, spec: FeatureSpec): Ids | "none" | undefined {
  if (!viewOrdersById(store, spec)) return undefined;
  const { db } = store;
  const [view, id] = [quoted(spec.view), quoted(spec.id)];
  const endOf = (order: string) => {
    const statement = db.prepare(`SELECT ${id} AS id FROM ${view} ORDER BY ${id} ${order} LIMIT 1`);
    statement.setReadBigInts(true);
    return statement.get()?.id;
  };
  const [first, last] = [endOf("ASC"), endOf("DESC")];
  if (first === undefined) return "none";
  return typeof first === "bigint" && typeof last === "bigint" ? { first, last } : undefined;
}

/** Whether the view's rows come in the order of their ids without being sorted. */
export function viewOrdersById({ db }: Store, spec: FeatureSpec): boolean {
  const [view, id] = [quoted(spec.view), quoted(spec.id)];
  const plan = db.prepare(`EXPLAIN QUERY PLAN SELECT * FROM ${view} ORDER BY ${id}`).all();
  return plan.every(({ detail }) => !String(detail).includes("TEMP B-TREE"));
}

/** Another one after each change that another connection made. */
export function dataVersion({ db }: Store): unknown {
  return db.prepare("PRAGMA data_version").get()?.data_version;
}

/** An SQL identifier, whatever its characters. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
