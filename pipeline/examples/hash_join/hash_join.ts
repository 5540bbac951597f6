import type { DatabaseSync } from "node:sqlite";
import type { Ids } from "../id_ranges.ts";
import type { JoinPlan, ParentPlan } from "../join_plan.ts";
import { isUuid, type KeyEncoding, textKeys, uuidKeys } from "./key_encoding.ts";
import { type Bound, type BuildJob, type BuildResult, type BuildScan, scanBuildSides } from "./build_scan.ts";
import {
  capacityOf,
  createHashTable,
  createKeyFinder,
  type HashTable,
  hashTableBytes,
} from "./hash_table.ts";
import type { RowLayout, SideColumns } from "../raw_examples.ts";
import { openReadingConnection, scanMemory } from "../../store/reading_connection.ts";
import { sharedInt32 } from "../../runtime/shared_memory.ts";
import { arrays, quoted } from "../../store/sqlite.ts";
import type { RowsQuery } from "../../store/checked_rows.ts";
import type { Store } from "../../store/store.ts";
import type { Threads } from "../../runtime/thread_pool.ts";

/**
 * A join whose parents are in memory, so that the child is read from one end to the other and no table is jumped about in.
 * Plain data, to be posted to threads.
 */
export interface HashJoin {
  /** Of the child; its key comes first. */
  readonly child: RowsQuery;
  readonly layout: RowLayout;
  readonly buildSides: readonly BuildSide[];
  /** SELECT the ids of rows whose label is 1, from one to another, in ascending order. */
  readonly clickedIds: string;
}

export interface BuildSide {
  readonly table: HashTable;
  /** Where what refers to it stands in a row of the child. */
  readonly keyAt: number;
}

/** Where the values of a field are. */
export interface ParentField {
  readonly parent: number;
  readonly values: Float64Array<SharedArrayBuffer> | WrittenCodes;
}

/** Categories as the threads have coded them. */
export interface WrittenCodes {
  readonly codes: Uint32Array<SharedArrayBuffer>;
  /** Per thread: its levels, by its own codes. */
  readonly levels: readonly (readonly (string | null)[])[];
  /** Kinds of the values, as bits. */
  readonly kinds: number;
}

export interface BuildOptions {
  readonly ids: Ids;
  /** Memory for the parents. */
  readonly bytesMax: number;
  /** Called now and then on the calling thread. */
  readonly pause: () => void;
}

/**
 * Reads a plan's parents into memory, on all threads.
 *
 * @returns undefined where they need more memory than there is, or hold what only SQLite can compare.
 */
export async function buildHashJoin(
  store: Store,
  plan: JoinPlan,
  threads: Threads,
  options: BuildOptions,
): Promise<HashJoin | undefined> {
  // Not by the store's own connection: it would hold as many pages as it may of tables that are counted.
  using db = openReadingConnection(store.path, scanMemory);
  // The group is hashed for each row of the child: it has to be the child's own column.
  if (plan.group.table !== plan.child || !areExact(options.ids) || !findsClicks(db, plan)) return undefined;
  for (const codingOf of [sampledEncoding, measuredEncoding]) {
    const parents = plan.parents.map((parent) => startReading(db, plan, { parent, codingOf, ...options }));
    const bytes = parents.reduce((sum, { shape }) => sum + hashTableBytes(shape), 0);
    if (bytes > options.bytesMax) return undefined;
    const readings = parents.map(({ reading }) => reading());
    const job: BuildJob = {
      kind: "build",
      path: store.path,
      scans: readings,
      threadCount: threads.count,
      startedCount: sharedInt32(1),
    };
    const results = await threads.run(job, () => scanBuildSides(job, options.pause));
    const areWhole = readings.every(({ table: rows }) => Atomics.load(rows.reserved, 0) === capacityOf(rows));
    if (areWhole && results.every((result) => result !== undefined)) return joinOf(plan, readings, results);
  }
  return undefined;
}

/** The columns of a parent that are fields, numbers before categories. */
function fieldsOf({ spec, fields }: JoinPlan, table: string) {
  const own = spec.features.flatMap(({ type }, feature) =>
    fields[feature].table === table ? [{ type, feature, column: fields[feature].column }] : []
  );
  return {
    numeric: own.filter(({ type }) => type === "numeric"),
    categorical: own.filter(({ type }) => type === "categorical"),
  };
}

interface StartOptions extends BuildOptions {
  readonly parent: ParentPlan;
  readonly codingOf: (db: DatabaseSync, parent: ParentPlan, sample: readonly string[]) => KeyEncoding;
}

function startReading(db: DatabaseSync, plan: JoinPlan, { parent, codingOf, ids }: StartOptions) {
  const { numeric, categorical } = fieldsOf(plan, parent.table);
  const sample = sampleOf(db, plan, parent, ids);
  const shape = {
    rowCount: countOf(db, parent.table),
    encoding: codingOf(db, parent, sample),
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
    reading: (): BuildScan => ({
      select: `SELECT ${columns.join(", ")} FROM ${quoted(parent.table)}`,
      keyAt: cursor === key ? 0 : 1,
      cursor,
      bounds,
      table: createHashTable(shape),
      next: sharedInt32(1),
    }),
  };
}

function countOf(db: DatabaseSync, table: string): number {
  return Number(db.prepare(`SELECT count(*) AS rows FROM ${quoted(table)}`).get()?.rows);
}

/** Ranges that threads take one after the other. */
const rangeCount = 64;

/** What some rows of the child, evenly spread, refer to; in the order in which SQLite compares text. */
function sampleOf(db: DatabaseSync, plan: JoinPlan, { column }: ParentPlan, { first, last }: Ids): string[] {
  const id = quoted(plan.id);
  const statement = db.prepare(
    `SELECT ${quoted(column)} AS key FROM ${quoted(plan.child)} WHERE ${id} >= ? ORDER BY ${id} LIMIT 1`,
  );
  const keys = new Set<string>();
  for (let i = 1n; i < BigInt(rangeCount); i++) {
    const key = statement.get(first + ((last - first) * i) / BigInt(rangeCount))?.key;
    if (typeof key === "string") keys.add(key);
  }
  const encoder = new TextEncoder();
  return [...keys].map((key) => ({ key, bytes: encoder.encode(key) }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes)).map(({ key }) => key);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

function sampledEncoding(db: DatabaseSync, parent: ParentPlan, sample: readonly string[]): KeyEncoding {
  return sample.every(isUuid) ? uuidKeys : measuredEncoding(db, parent);
}

function measuredEncoding(db: DatabaseSync, { table, key }: ParentPlan): KeyEncoding {
  const row = db.prepare(`SELECT max(length(CAST(${quoted(key)} AS BLOB))) AS bytes FROM ${quoted(table)}`)
    .get();
  return textKeys(Number(row?.bytes ?? 0));
}

const lastText = new Uint8Array();
const firstInteger = -(2n ** 63n);

/** By what a table's rows lie in order, and values of it that divide them about evenly. */
function cursorOf(
  db: DatabaseSync,
  { table, key }: ParentPlan,
  sample: readonly string[],
): { cursor: string; bounds: Bound[] } {
  const facts = db.prepare("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?").get(table);
  if (facts?.wr === 1) return { cursor: quoted(key), bounds: ["", ...sample, lastText] };
  const names = db.prepare("SELECT name FROM pragma_table_xinfo(?)").all(table)
    .map(({ name }) => String(name).toLowerCase());
  const rowid = ["rowid", "_rowid_", "oid"].find((name) => !names.includes(name));
  // A column took each of the names: rows come by the key, which costs a jump for each.
  if (rowid === undefined) return { cursor: quoted(key), bounds: ["", ...sample, lastText] };
  const statement = db.prepare(`SELECT min(${rowid}) AS first, max(${rowid}) AS last FROM ${quoted(table)}`);
  statement.setReadBigInts(true);
  const ends = statement.get();
  const [first, last] = [ends?.first, ends?.last].map((end) => typeof end === "bigint" ? end : 0n);
  const inner = Array.from(
    { length: rangeCount - 1 },
    (_, i) => first + ((last - first) * BigInt(i + 1)) / BigInt(rangeCount),
  );
  return { cursor: rowid, bounds: [firstInteger, ...inner, lastText] };
}

/** Whether ids are exact as numbers, by which labels are found. */
function areExact({ first, last }: Ids): boolean {
  return first >= BigInt(Number.MIN_SAFE_INTEGER) && last <= BigInt(Number.MAX_SAFE_INTEGER);
}

function clickedQuery({ label }: JoinPlan): string {
  const id = quoted(label.column);
  return `SELECT DISTINCT ${id} AS id FROM ${quoted(label.table)} WHERE ${id} BETWEEN ? AND ? ORDER BY ${id}`;
}

/** Whether the clicks of a range of ids lie together. */
function findsClicks(db: DatabaseSync, plan: JoinPlan): boolean {
  const steps = db.prepare(`EXPLAIN QUERY PLAN ${clickedQuery(plan)}`).all(0, 0);
  return steps.every(({ detail }) => String(detail).startsWith("SEARCH "));
}

function joinOf(
  plan: JoinPlan,
  readings: readonly BuildScan[],
  results: readonly BuildResult[],
): HashJoin {
  const { spec, child, id, group, parents } = plan;
  const inOrder = [...results].sort((a, b) => a.thread - b.thread);
  const columns = [id];
  /** Where a column of the child stands in a row: each is selected once. */
  const at = (column: string) =>
    columns.includes(column) ? columns.indexOf(column) : columns.push(column) - 1;
  const held = new Map<number, ParentField>();
  parents.forEach(({ table }, parent) => {
    const { numeric, categorical } = fieldsOf(plan, table);
    const { numbers, codes } = readings[parent].table;
    numeric.forEach(({ feature }, i) => held.set(feature, { parent, values: numbers[i] }));
    categorical.forEach(({ feature }, i) => {
      const levels = inOrder.map((result) => result.levels[parent][i]);
      const kinds = inOrder.reduce((bits, result) => bits | result.kinds[parent][i], 0);
      held.set(feature, { parent, values: { codes: codes[i], levels, kinds } });
    });
  });
  const layout = {
    group: at(group.column),
    fields: spec.features.map((_, feature) => held.get(feature) ?? at(plan.fields[feature].column)),
  };
  const placed = parents.map(({ column }, i) => ({ table: readings[i].table, keyAt: at(column) }));
  return {
    child: { columns: columns.map(quoted), from: quoted(child) },
    layout,
    buildSides: placed,
    clickedIds: clickedQuery(plan),
  };
}

/** Rows of the child that have all their parents, and what comes beside them. */
export interface ProbedRows {
  readonly rows: readonly (readonly unknown[])[];
  readonly side: SideColumns;
}

/** @returns What places one batch after the other; each holds until the next. */
export function createProbe(
  db: DatabaseSync,
  { buildSides: parents, clickedIds: clicked }: HashJoin,
): (batch: readonly (readonly unknown[])[]) => ProbedRows {
  const finders = parents.map(({ table: rows, keyAt: at }) => ({ finder: createKeyFinder(rows), at }));
  const clickedIds = arrays(db.prepare(clicked));
  // In arrays, which the types of `all` do not know.
  const idsBetween = (first: unknown, last: unknown) =>
    clickedIds.all(first as number, last as number) as unknown as [id: number][];
  let places: Int32Array[] = [];
  /** @returns Whether all parents are there. */
  const placeOf = (row: readonly unknown[], count: number) => {
    for (let i = 0; i < finders.length; i++) {
      const place = finders[i].finder.find(row[finders[i].at]);
      if (place < 0) return false;
      places[i][count] = place;
    }
    return true;
  };
  let labels = new Uint8Array(0);
  return (batch) => {
    if (labels.length < batch.length) {
      places = parents.map(() => new Int32Array(batch.length));
      labels = new Uint8Array(batch.length);
    }
    const rows: (readonly unknown[])[] = [];
    const clicks = batch.length === 0 ? [] : idsBetween(batch[0][0], batch[batch.length - 1][0]);
    let next = 0;
    for (const row of batch) {
      const id = Number(row[0]);
      while (next < clicks.length && clicks[next][0] < id) next++;
      if (!placeOf(row, rows.length)) continue;
      labels[rows.length] = next < clicks.length && clicks[next][0] === id ? 1 : 0;
      rows.push(row);
    }
    return { rows, side: { parentRows: places, labels } };
  };
}
