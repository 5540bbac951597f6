import type { DatabaseSync } from "node:sqlite";
import { sharedInt32 } from "../../runtime/shared_memory.ts";
import type { Threads } from "../../runtime/thread_pool.ts";
import { openReadingConnection, scanMemory } from "../../store/reading_connection.ts";
import { quoted } from "../../store/sqlite.ts";
import type { Store } from "../../store/store.ts";
import type { Ids } from "../id_ranges.ts";
import { inputColumnsOf } from "../input_columns.ts";
import type { JoinPlan, ParentPlan } from "../join_plan.ts";
import type { ParentField } from "../row_layout.ts";
import { cursorOf, sampleKeys } from "./build_cursor.ts";
import { type BuildJob, type BuildResult, type BuildScan, scanBuildSides } from "./build_scan.ts";
import { capacityOf, createHashTable, type HashTable, hashTableBytes } from "./hash_table.ts";
import { isUuid, type KeyEncoding, textKeys, uuidKeys } from "./key_encoding.ts";

/**
 * A hash join of a child with its parents. The parents are the build sides, in memory; the child is the probe side, scanned
 * in order, so that SQLite seeks in no table. Plain data, to be posted to threads.
 */
export type HashJoin = ReturnType<typeof joinOf>;

/** A parent in memory. */
export interface BuildSide {
  readonly table: HashTable;
  /** Index of the column that refers to it in a row of the child. */
  readonly keyAt: number;
}

export interface BuildOptions {
  readonly ids: Ids;
  /** Memory for the build sides. */
  readonly bytesMax: number;
  /** Called regularly on the calling thread. */
  readonly pause: () => void;
}

/**
 * Reads a plan's parents into hash tables, on all threads.
 *
 * @returns undefined if they exceed `bytesMax`, or contain values that only SQLite can compare.
 */
export async function buildHashJoin(
  store: Store,
  plan: JoinPlan,
  threads: Threads,
  options: BuildOptions,
): Promise<HashJoin | undefined> {
  // Not the store's own connection, which would keep pages of the tables that are counted up to its cache limit.
  using db = openReadingConnection(store.path, scanMemory);
  // The group is hashed for each row of the child, so it must be a column of the child.
  if (plan.group.table !== plan.child || !areExact(options.ids) || !findsClicks(db, plan)) return undefined;
  for (const encodingOf of [sampledEncoding, measuredEncoding]) {
    const sides = plan.parents.map((parent) => planScan(db, plan, { parent, encodingOf, ids: options.ids }));
    const bytes = sides.reduce((sum, { shape }) => sum + hashTableBytes(shape), 0);
    if (bytes > options.bytesMax) return undefined;
    const scans = sides.map(({ createScan }) => createScan());
    const job: BuildJob = {
      kind: "build",
      path: store.path,
      scans,
      threadCount: threads.count,
      startedCount: sharedInt32(1),
    };
    const results = await threads.run(job, () => scanBuildSides(job, options.pause));
    const areComplete = scans.every(({ table }) => Atomics.load(table.reserved, 0) === capacityOf(table));
    if (areComplete && results.every((result) => result !== undefined)) return joinOf(plan, scans, results);
  }
  return undefined;
}

/** Returns the columns of a parent that are fields, by kind. The time is a number after the last field. */
function fieldsOf({ spec, fields, time }: JoinPlan, table: string) {
  const own = inputColumnsOf(spec.features).flatMap(({ kind }, field) =>
    fields[field].table === table ? [{ kind, field, column: fields[field].column }] : []
  );
  const ownTime = time?.table === table
    ? [{ kind: "number", field: fields.length, column: time.column }]
    : [];
  return {
    numeric: [...own.filter(({ kind }) => kind === "number"), ...ownTime],
    categorical: own.filter(({ kind }) => kind === "category"),
  };
}

interface ScanOptions {
  readonly parent: ParentPlan;
  readonly encodingOf: (db: DatabaseSync, parent: ParentPlan, sample: readonly string[]) => KeyEncoding;
  readonly ids: Ids;
}

/** Plans the scan of one parent, whose hash table is allocated by `createScan`. */
function planScan(db: DatabaseSync, plan: JoinPlan, { parent, encodingOf, ids }: ScanOptions) {
  const { numeric, categorical } = fieldsOf(plan, parent.table);
  const sample = sampleKeys(db, plan, parent, ids);
  const shape = {
    rowCount: Number(db.prepare(`SELECT count(*) AS n FROM ${quoted(parent.table)}`).get()?.n),
    encoding: encodingOf(db, parent, sample),
    numericCount: numeric.length,
    categoricalCount: categorical.length,
  };
  const { cursor, bounds } = cursorOf(db, parent, sample);
  const key = quoted(parent.key);
  const columns = [
    ...(cursor === key ? [cursor] : [cursor, key]),
    ...[...numeric, ...categorical].map(({ column }) => quoted(column)),
  ];
  return {
    shape,
    createScan: (): BuildScan => ({
      select: `SELECT ${columns.join(", ")} FROM ${quoted(parent.table)}`,
      keyAt: cursor === key ? 0 : 1,
      cursor,
      bounds,
      table: createHashTable(shape),
      next: sharedInt32(1),
    }),
  };
}

/** Assumes that all keys are UUIDs if those of the sample are. */
function sampledEncoding(db: DatabaseSync, parent: ParentPlan, sample: readonly string[]): KeyEncoding {
  return sample.every(isUuid) ? uuidKeys : measuredEncoding(db, parent);
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

/** Returns whether an index finds the clicks of a range of ids. */
function findsClicks(db: DatabaseSync, plan: JoinPlan): boolean {
  const steps = db.prepare(`EXPLAIN QUERY PLAN ${clickedQuery(plan)}`).all(0, 0);
  return steps.every(({ detail }) => String(detail).startsWith("SEARCH "));
}

function joinOf(plan: JoinPlan, scans: readonly BuildScan[], results: readonly BuildResult[]) {
  const { child, id, group, parents, time } = plan;
  const inOrder = [...results].sort((a, b) => a.thread - b.thread);
  const columns = [id];
  /** Index of a column in a row of the child. Each column is selected once. */
  const at = (column: string) =>
    columns.includes(column) ? columns.indexOf(column) : columns.push(column) - 1;
  const parentFields = new Map<number, ParentField>();
  parents.forEach(({ table }, parent) => {
    const { numeric, categorical } = fieldsOf(plan, table);
    const { numbers, codes } = scans[parent].table;
    numeric.forEach(({ field }, i) => parentFields.set(field, { parent, values: numbers[i] }));
    categorical.forEach(({ field }, i) => {
      const levels = inOrder.map((result) => result.levels[parent][i]);
      const kinds = inOrder.reduce((bits, result) => bits | result.kinds[parent][i], 0);
      parentFields.set(field, { parent, values: { codes: codes[i], levels, kinds } });
    });
  });
  const layout = {
    group: at(group.column),
    fields: plan.fields.map(({ column }, field) => parentFields.get(field) ?? at(column)),
    ...(time ? { time: parentFields.get(plan.fields.length) ?? at(time.column) } : {}),
  };
  const buildSides = parents.map(({ column }, i) => ({ table: scans[i].table, keyAt: at(column) }));
  return {
    /** Query of the child; its key comes first. */
    child: { columns: columns.map(quoted), from: quoted(child) },
    layout,
    buildSides,
    /** SELECT of the ids between two bounds whose label is 1, in ascending order. */
    clickedIds: clickedQuery(plan),
  };
}
