import {
  appendInteger,
  clearBuffer,
  type ColumnBuffer,
  createBuffer,
} from "../../files/columns/column_buffer.ts";
import type { RowRun } from "../../files/columns/row_run.ts";
import { createKeySet, type KeySet } from "../../ingest/key_set.ts";
import { inputColumnsOf } from "../../examples/input_columns.ts";
import type { ColumnRef, JoinPlan } from "../../examples/join_plan.ts";
import {
  collectCategories,
  collectGroups,
  collectIds,
  collectLabels,
  collectNumbers,
  type ColumnCollector,
} from "./column_collector.ts";
import { joinColumns } from "./join.ts";
import { type GrowableArray, growableUint32 } from "./growable_array.ts";
import type { FeatureSpec } from "../../examples/spec.ts";
import type { RawExamples } from "../../examples/raw_examples.ts";
import { createTextKeyIndex, type TextKeyIndex } from "./text_key_index.ts";

/** Collects the rows of tables while they are read, and joins them into examples. */
export interface ExampleCollector {
  /** Returns the keys of a parent table, which need not be kept elsewhere; undefined for any other table. */
  keysOf(table: string): KeySet | undefined;
  /** Whether all rows so far are held. */
  isComplete(): boolean;
  /** Adds a run of a table's rows. Tables that the plan does not name are ignored. */
  add(table: string, run: RowRun): void;
  /** Returns the ids of the child's rows, ascending; undefined if the rows are not held. */
  childIds(): Float64Array<ArrayBuffer> | undefined;
  /**
   * Returns the examples in the order of their ids: identical, bit for bit, to those read from a store with these rows.
   *
   * @param features At most the features of the plan's spec; default: all of them.
   * @returns undefined if the rows exceeded `bytesMax`, one cannot be part of an example, or a column was not collected.
   */
  build(features?: FeatureSpec["features"]): RawExamples | undefined;
}

/** @param bytesMax If the rows take more memory, collecting is abandoned, and the examples must be read from the store. */
export function createExampleCollector(plan: JoinPlan, bytesMax: number): ExampleCollector {
  const { ids, labels, groups, fields, group, time, all: columns } = createColumns(plan);
  const rowNumbers = createRowNumbers();
  const parents = plan.parents.map((parent) => ({
    ...parent,
    keys: createTextKeyIndex(),
    finder: createFinder(),
    rowCount: 0,
    /** Per row of the child: the number of the parent row, or −1 as an unsigned integer. */
    parentRows: growableUint32(),
  }));
  let isComplete = true;
  /** Keys of parents that were added after the rows were abandoned. */
  const keySets = new Map<string, KeySet>();

  const abandon = () => {
    isComplete = false;
    for (const { column } of columns) column.release();
    for (const { parentRows } of parents) parentRows.release();
  };
  const byteCount = () =>
    columns.reduce((sum, { column }) => sum + column.byteCount(), 0) +
    parents.reduce((sum, { keys, parentRows }) => sum + keys.byteCount + parentRows.array.byteLength, 0);
  return {
    keysOf(table) {
      const parent = parents.find((one) => one.table === table);
      if (!parent) return undefined;
      return {
        addAll(buffer) {
          if (isComplete && buffer.type === "TEXT") parent.keys.addFrom(buffer, 0);
          else keySets.getOrInsertComputed(table, () => createKeySet()).addAll(buffer);
        },
        has: (buffer, row) =>
          parent.finder.find(parent.keys, buffer, row) >= 0 ||
          (keySets.get(table)?.has(buffer, row) ?? false),
      };
    },
    add(table, run) {
      if (!isComplete) return;
      const hasKey = table !== plan.child || run.columns.some(({ name }) => name === plan.id);
      const numbers = hasKey ? undefined : rowNumbers.next(run.buffers[0].length);
      const bufferOf = (name: string) =>
        numbers && name === plan.id
          ? numbers
          : run.buffers[run.columns.findIndex((column) => column.name === name)];
      const areAdded = columns.every(({ place, column }) => {
        if (place.table !== table) return true;
        const buffer = bufferOf(place.column);
        return buffer !== undefined && column.add(buffer);
      });
      for (const parent of parents) {
        if (parent.table === table) addKeys(parent, bufferOf(parent.key));
        if (plan.child === table) addParentRows(parent, bufferOf(parent.column));
      }
      if (!areAdded || byteCount() > bytesMax) abandon();
    },
    isComplete: () => isComplete,
    childIds: () => isComplete ? ids.values().slice().sort() : undefined,
    build(features = plan.spec.features) {
      const kept = inputIndicesOf(plan.spec.features, features);
      if (!isComplete || kept.includes(-1)) return undefined;
      const examples = joinColumns({
        child: plan.child,
        ids: ids.values(),
        ...(labels.are === "ids"
          ? { clickedIds: labels.column.values() }
          : { labels: labels.column.values() }),
        parentRows: new Map(
          parents.map(({ table, parentRows: { array, length } }) => [table, array.subarray(0, length)]),
        ),
        fields: kept.map((i) => ({ table: fields[i].place.table, column: fields[i].column })),
        group: { table: group.table, hashes: groups.values() },
        ...(time ? { time: { table: time.place.table, values: time.column.values() } } : {}),
      });
      abandon();
      for (const { keys } of parents) keys.release();
      return examples;
    },
  };
}

/** Returns which of the columns that features read others read, in their order; −1 for one that is not among them. */
function inputIndicesOf(all: FeatureSpec["features"], others: FeatureSpec["features"]): number[] {
  const inputs = inputColumnsOf(all);
  return inputColumnsOf(others).map(({ kind, name }) =>
    inputs.findIndex((input) => input.kind === kind && input.name === name)
  );
}

/** Creates a collector for each column that the examples need. */
function createColumns(plan: JoinPlan) {
  const ids = collectIds();
  const labels = plan.label.table === plan.child
    ? { are: "labels" as const, column: collectLabels(plan.spec.positive) }
    : { are: "ids" as const, column: collectIds() };
  const groups = collectGroups();
  const group = groupColumnOf(plan);
  const fields = inputColumnsOf(plan.spec.features).map(({ kind }, i) => ({
    place: plan.fields[i],
    column: kind === "number" ? collectNumbers() : collectCategories(),
  }));
  const time = plan.time && { place: plan.time, column: collectNumbers() };
  const all: readonly { readonly place: ColumnRef; readonly column: ColumnCollector<unknown> }[] = [
    { place: { table: plan.child, column: plan.id }, column: ids },
    { place: plan.label, column: labels.column },
    { place: group, column: groups },
    ...fields,
    ...(time ? [time] : []),
  ];
  return { ids, labels, groups, group, fields, time, all };
}

/** Numbers the rows of files without a key, as the store does if it is empty. */
function createRowNumbers() {
  const buffer = createBuffer("INTEGER");
  let last = 0;
  return {
    /** Returns the numbers of the next rows, valid until the next call. */
    next(count: number): ColumnBuffer {
      clearBuffer(buffer);
      for (let i = 0; i < count && buffer.type === "INTEGER"; i++) appendInteger(buffer, ++last);
      return buffer;
    },
  };
}

/** A group that is a foreign key is read as the parent's key, which is hashed once per parent. */
function groupColumnOf({ group, child, parents }: JoinPlan): ColumnRef {
  const parent = parents.find(({ column }) => group.table === child && group.column === column);
  return parent ? { table: parent.table, column: parent.key } : group;
}

/** Adds a run's keys. The reader adds them itself only if a column of another table has the name of the key. */
function addKeys(
  parent: { readonly keys: TextKeyIndex; rowCount: number },
  buffer: ColumnBuffer | undefined,
): void {
  if (buffer?.type !== "TEXT") return;
  const { keys, rowCount } = parent;
  if (keys.count < rowCount + buffer.length) keys.addFrom(buffer, keys.count - rowCount);
  parent.rowCount += buffer.length;
}

function addParentRows(
  { parentRows, keys, finder }: {
    parentRows: GrowableArray<Uint32Array<ArrayBuffer>>;
    keys: TextKeyIndex;
    finder: Finder;
  },
  buffer: ColumnBuffer | undefined,
): void {
  if (!buffer) return;
  const from = parentRows.extend(buffer.length);
  const { array } = parentRows;
  for (let i = 0; i < buffer.length; i++) array[from + i] = finder.find(keys, buffer, i);
}

/** Finds each key of a run only once: the check for orphans looks it up before its parent row is added. */
type Finder = ReturnType<typeof createFinder>;

const notLookedUp = -2;

function createFinder() {
  let current: ColumnBuffer | undefined;
  let fills = -1;
  let found = new Int32Array();
  return {
    find(keys: TextKeyIndex, buffer: ColumnBuffer, row: number): number {
      if (buffer.type !== "TEXT") return -1;
      if (current !== buffer || fills !== buffer.fills) {
        [current, fills] = [buffer, buffer.fills];
        if (found.length < buffer.length) found = new Int32Array(buffer.length);
        found.fill(notLookedUp);
      }
      if (found[row] === notLookedUp) found[row] = keys.find(buffer, row);
      return found[row];
    },
  };
}
