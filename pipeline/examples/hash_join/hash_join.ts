import type { DatabaseSync } from "node:sqlite";
import { sharedFloat64, sharedInt32 } from "../../runtime/shared_memory.ts";
import type { MemoryBudget } from "../../chunks/memory_budget.ts";
import type { Threads } from "../../runtime/thread_pool.ts";
import { openReadingConnection, scanMemory } from "../../store/reading_connection.ts";
import { quoted } from "../../store/sqlite.ts";
import { iterateRows } from "../../store/checked_rows.ts";
import type { Store } from "../../store/store.ts";
import type { Ids } from "../id_ranges.ts";
import type { Coding } from "../coding.ts";
import type { ColumnRef, JoinPlan, ParentPlan } from "../join_plan.ts";
import type { RowLayout } from "../row_layout.ts";
import { cursorOf, sampleKeys } from "./build_cursor.ts";
import { type BuildJob, type BuildResult, type BuildScan, scanBuildSides } from "./build_scan.ts";
import { createHashTable, type HashTable, type HashTableShape } from "./hash_table.ts";
import { isUuid, type KeyEncoding, textKeys, uuidKeys } from "./key_encoding.ts";
import type { Partitioning, Partitions } from "./partitions.ts";
import { categoryCountOf, type ColumnPlaces, fieldsOf, placesOf } from "./placed_columns.ts";
import { placeSides, sumOf } from "./placement.ts";

/**
 * A hash join of a child with its parents. The parents are the build sides, in memory; the child is the probe side, scanned
 * in order, so that SQLite seeks in no table. Plain data, to be posted to threads.
 */
export type HashJoin = ReturnType<typeof joinOf> & { readonly clickedIds: ClickedIds };

/** A SELECT of the ids between two bounds whose label is 1; all of these, in ascending order, if no index finds them; none for a label of the child. */
export type ClickedIds = string | Float64Array<SharedArrayBuffer>;

/** A parent: in memory, or in partitions in files, with which the rows are joined later. */
export type BuildSide = MemorySide | LaterSide;

interface SideColumns {
  /** Index of the column that refers to it in a row of the child. */
  readonly keyAt: number;
  readonly places: ColumnPlaces;
  /** Per categorical field of the parent. */
  readonly codings: readonly Coding[];
}

interface MemorySide extends SideColumns {
  readonly table: HashTable;
}

interface LaterSide extends SideColumns {
  readonly partitioning: Partitioning;
  readonly partitions: Partitions;
}

export interface BuildOptions {
  readonly ids: Ids;
  /** Memory for the build sides. */
  readonly bytesMax: number;
  /** Whose folder has the parents that do not fit into memory; without it, such a plan cannot be joined here. */
  readonly budget?: MemoryBudget;
  /** Called regularly on the calling thread. */
  readonly pause: () => void;
}

/**
 * Reads a plan's parents on all threads: into hash tables, or into partitions in files if they do not fit into memory.
 *
 * @returns undefined if they contain values that only SQLite can compare.
 */
export async function buildHashJoin(
  store: Store,
  plan: JoinPlan,
  threads: Threads,
  options: BuildOptions,
): Promise<HashJoin | undefined> {
  // Not the store's own connection, which would keep pages of the tables that are counted up to its cache limit.
  using db = openReadingConnection(store.path, scanMemory);
  if (!areExact(options.ids)) return undefined;
  // Which rows have no label, or weight 0, is known when they are read: all their parents have to be known then.
  const canComeLater = !leavesRowsOut(plan);
  const clickedIds = plan.label.table === plan.child ? sharedFloat64(0) : clickedIdsOf(db, plan);
  if (clickedIds === undefined) return undefined;
  for (const encodingOf of [sampledEncoding, measuredEncoding]) {
    const sides = plan.parents.map((parent) => planScan(db, plan, { parent, encodingOf, ids: options.ids }));
    const places = placeSides(sides.map(({ shape }) => shape), {
      bytesMax: options.bytesMax,
      canSpill: options.budget !== undefined && canComeLater,
      threadCount: threads.count,
    });
    if (!places) return undefined;
    const scans = sides.map(({ createScan }, i) => createScan(places[i]));
    const job: BuildJob = {
      kind: "build",
      path: store.path,
      scans,
      threadCount: threads.count,
      startedCount: sharedInt32(1),
      ...(options.budget ? { budget: options.budget } : {}),
    };
    const results = await threads.run(job, () => scanBuildSides(job, options.pause));
    if (results.every((result) => result !== undefined) && areComplete(scans, results)) {
      return { ...joinOf(plan, scans, results), clickedIds };
    }
  }
  return undefined;
}

function leavesRowsOut({ label, child, weight }: JoinPlan): boolean {
  return label.table === child || weight !== undefined;
}

/** Whether all rows of the parents were read: they may have changed since they were counted. */
function areComplete(scans: readonly BuildScan[], results: readonly BuildResult[]): boolean {
  return scans.every(({ into, rowCount }, i) =>
    rowCount ===
      ("partitionCount" in into
        ? sumOf(results.flatMap(({ partitions }) => partitions[i].flat()), ({ fields }) => fields.rowCount)
        : Atomics.load(into.reserved, 0))
  );
}

interface ScanOptions {
  readonly parent: ParentPlan;
  readonly encodingOf: (db: DatabaseSync, parent: ParentPlan, sample: readonly string[]) => KeyEncoding;
  readonly ids: Ids;
}

/** Plans the scan of one parent, whose hash table is allocated by `createScan`. */
function planScan(db: DatabaseSync, plan: JoinPlan, { parent, encodingOf, ids }: ScanOptions) {
  const { numeric, categorical, groups } = fieldsOf(plan, parent.table);
  const sample = sampleKeys(db, plan, parent, ids);
  const shape = {
    rowCount: Number(db.prepare(`SELECT count(*) AS n FROM ${quoted(parent.table)}`).get()?.n),
    encoding: encodingOf(db, parent, sample),
    numericCount: numeric.length,
    codeCount: categorical.length + groups.length,
  };
  const { cursor, bounds } = cursorOf(db, parent, sample);
  const key = quoted(parent.key);
  const columns = [
    ...(cursor === key ? [cursor] : [cursor, key]),
    ...[...numeric, ...categorical, ...groups].map(({ column }) => quoted(column)),
  ];
  return {
    shape,
    createScan: (place: HashTableShape | Partitioning): BuildScan => ({
      select: `SELECT ${columns.join(", ")} FROM ${quoted(parent.table)}`,
      keyAt: cursor === key ? 0 : 1,
      hasGroup: groups.length > 0,
      cursor,
      bounds,
      rowCount: shape.rowCount,
      into: "partitionCount" in place ? place : createHashTable(place),
      next: sharedInt32(1),
    }),
  };
}

/** Assumes that all keys are UUIDs if those of the sample are. */
function sampledEncoding(db: DatabaseSync, parent: ParentPlan, sample: readonly string[]): KeyEncoding {
  return sample.every(isUuid) && !parent.isInteger ? uuidKeys : measuredEncoding(db, parent);
}

function measuredEncoding(db: DatabaseSync, { table, key }: ParentPlan): KeyEncoding {
  const row = db.prepare(`SELECT max(length(CAST(${quoted(key)} AS BLOB))) AS bytes FROM ${quoted(table)}`)
    .get();
  return textKeys(Number(row?.bytes ?? 0));
}

/** Returns whether ids are exact as numbers, by which labels are found. */
function areExact({ first, last }: Ids): boolean {
  return first >= BigInt(Number.MIN_SAFE_INTEGER) && last <= BigInt(Number.MAX_SAFE_INTEGER);
}

function clickedQuery({ label }: JoinPlan): string {
  const id = quoted(label.column);
  return `SELECT DISTINCT ${id} AS id FROM ${quoted(label.table)} WHERE ${id} BETWEEN ? AND ? ORDER BY ${id}`;
}

/** @returns undefined if an id is not exact as a number. */
function clickedIdsOf(db: DatabaseSync, plan: JoinPlan): ClickedIds | undefined {
  const query = clickedQuery(plan);
  const steps = db.prepare(`EXPLAIN QUERY PLAN ${query}`).all(0, 0);
  if (steps.every(({ detail }) => String(detail).startsWith("SEARCH "))) return query;
  const [id, table] = [quoted(plan.label.column), quoted(plan.label.table)];
  const count = Number(db.prepare(`SELECT count(${id}) AS n FROM ${table}`).get()?.n);
  const ids = sharedFloat64(count);
  let at = 0;
  for (const [value] of iterateRows(db, { columns: [id], from: table })) {
    if (typeof value === "number") ids[at++] = value;
    else if (value !== null) return undefined;
  }
  return at === count ? ids : undefined;
}

function joinOf(plan: JoinPlan, scans: readonly BuildScan[], results: readonly BuildResult[]) {
  const { child, id, label, group, weight, parents, time } = plan;
  const inOrder = [...results].sort((a, b) => a.thread - b.thread);
  const columns = [id];
  /** Index of a column in a row of the child. Each column is selected once. */
  const at = (column: string) =>
    columns.includes(column) ? columns.indexOf(column) : columns.push(column) - 1;
  const ofChild = (ref: ColumnRef | undefined) => ref?.table === child ? at(ref.column) : undefined;
  const buildSides = parents.map(({ table, column }, parent): BuildSide => {
    const { into } = scans[parent];
    const codings = fieldsOf(plan, table).categorical.map((_, field) => ({
      levels: inOrder.map(({ coders }) => coders[parent][field].levels),
      kinds: inOrder.reduce((bits, { coders }) => bits | coders[parent][field].kinds, 0),
    }));
    const side = { keyAt: at(column), places: placesOf(plan, table), codings };
    if (!("partitionCount" in into)) return { ...side, table: into };
    const partitions = Array.from(
      { length: into.partitionCount },
      (_, p) => inOrder.flatMap(({ partitions }) => partitions[parent][p]),
    );
    return { ...side, partitioning: into, partitions };
  });
  const layout: RowLayout = {
    label: ofChild(label),
    weight: ofChild(weight),
    group: ofChild(group),
    fields: plan.fields.map(ofChild),
    time: ofChild(time),
  };
  return {
    /** Query of the child; its key comes first. */
    child: { columns: columns.map(quoted), from: quoted(child) },
    layout,
    buildSides,
    categoryCount: categoryCountOf(plan),
  };
}
