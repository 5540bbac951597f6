import type { ColumnBuffer } from "../../files/columns/column_buffer.ts";
import type { RowRun } from "../../files/columns/row_run.ts";
import { createKeySet, type KeySet } from "../../ingest/key_set.ts";
import type { ColumnRef, JoinPlan } from "../../examples/join_plan.ts";
import {
  type ColumnCollector,
  gatherCategories,
  gatherGroups,
  gatherIds,
  gatherNumbers,
} from "./column_collector.ts";
import { joinGathered } from "./join.ts";
import { type GrowableArray, growableUint32 } from "./growable_array.ts";
import type { RawExamples } from "../../examples/raw_examples.ts";
import { createTextKeys, type TextKeys } from "./text_key_index.ts";

/** The rows of tables as they are read, joined into examples when all have been. */
export interface ExampleCollector {
  /** Keys of a parent; what is added to them need not be kept elsewhere. @returns undefined for any other table. */
  keysOf(table: string): KeySet | undefined;
  /** Whether all rows are held. */
  isComplete(): boolean;
  /** @param run Rows of a table; those that the plan does not name are passed over. */
  add(table: string, run: RowRun): void;
  /** The keys of the child's rows, ascending. @returns undefined where the rows are not held. */
  childIds(): Float64Array<ArrayBuffer> | undefined;
  /**
   * The examples in the order of their ids: the same, bit for bit, as those that are read from a store with these rows.
   *
   * @returns undefined where rows took more memory than there is for them, or one cannot be an example.
   */
  build(): RawExamples | undefined;
}

/** @param bytesMax More than that is not held: the examples then are in the store alone. */
export function createExampleCollector(plan: JoinPlan, bytesMax: number): ExampleCollector {
  const { spec } = plan;
  const ids = gatherIds();
  const clicked = gatherIds();
  const parents = plan.parents.map((parent) => ({
    ...parent,
    keys: createTextKeys(),
    finder: createFinder(),
    rowCount: 0,
    /** Per row of the child: the parent's place, or −1 as a word. */
    places: growableUint32(),
  }));
  const groups = gatherGroups();
  const groupPlace = groupPlaceOf(plan);
  const fields = spec.features.map(({ type }, i) => ({
    place: plan.fields[i],
    column: type === "numeric" ? gatherNumbers() : gatherCategories(),
  }));
  const wanted: readonly { readonly place: ColumnRef; readonly column: ColumnCollector<unknown> }[] = [
    { place: { table: plan.child, column: plan.id }, column: ids },
    { place: plan.label, column: clicked },
    { place: groupPlace, column: groups },
    ...fields,
  ];
  let isWhole = true;
  /** What the keys are known by when they are no longer held. */
  const keySets = new Map<string, KeySet>();

  const giveUp = () => {
    isWhole = false;
    for (const { column } of wanted) column.release();
    for (const { places } of parents) places.release();
  };
  const byteCount = () =>
    wanted.reduce((sum, { column }) => sum + column.byteCount(), 0) +
    parents.reduce((sum, { keys, places }) => sum + keys.byteCount + places.array.byteLength, 0);

  return {
    keysOf(table) {
      const parent = parents.find((one) => one.table === table);
      if (!parent) return undefined;
      return {
        addAll(buffer) {
          if (isWhole && buffer.type === "TEXT") parent.keys.addFrom(buffer, 0);
          else keySetOf(keySets, table).addAll(buffer);
        },
        has: (buffer, row) =>
          parent.finder.find(parent.keys, buffer, row) >= 0 ||
          (keySets.get(table)?.has(buffer, row) ?? false),
      };
    },
    add(table, { columns, buffers }) {
      if (!isWhole) return;
      const bufferOf = (name: string) => buffers[columns.findIndex((column) => column.name === name)];
      const areAdded = wanted.every(({ place, column }) => {
        if (place.table !== table) return true;
        const buffer = bufferOf(place.column);
        return buffer !== undefined && column.add(buffer);
      });
      for (const parent of parents) if (parent.table === table) addKeys(parent, bufferOf(parent.key));
      if (table === plan.child) {
        for (const parent of parents) addPlaces(parent, bufferOf(parent.column));
      }
      if (!areAdded || byteCount() > bytesMax) giveUp();
    },
    isComplete: () => isWhole,
    childIds: () => isWhole ? ids.values().slice().sort() : undefined,
    build() {
      if (!isWhole) return undefined;
      const [idValues, clickedIds] = [ids.values(), clicked.values()];
      const examples = joinGathered({
        child: plan.child,
        ids: idValues,
        clickedIds,
        places: new Map(parents.map(({ table, places }) => [table, places.array.subarray(0, places.length)])),
        fields: fields.map(({ place, column }) => ({ table: place.table, column })),
        group: { table: groupPlace.table, hashes: groups.values() },
      });
      giveUp();
      for (const { keys } of parents) keys.release();
      return examples;
    },
  };
}

function keySetOf(keySets: Map<string, KeySet>, table: string): KeySet {
  let keys = keySets.get(table);
  if (!keys) keySets.set(table, keys = createKeySet());
  return keys;
}

/** What the child refers to a parent by is that parent's key: as such it is hashed once for each parent. */
function groupPlaceOf({ group, child, parents }: JoinPlan): ColumnRef {
  const parent = parents.find(({ column }) => group.table === child && group.column === column);
  return parent ? { table: parent.table, column: parent.key } : group;
}

/** Where the reader keeps no keys, because no column is called like them, they are added here. */
function addKeys(
  parent: { readonly keys: TextKeys; rowCount: number },
  buffer: ColumnBuffer | undefined,
): void {
  if (buffer?.type !== "TEXT") return;
  const { keys, rowCount } = parent;
  if (keys.count < rowCount + buffer.length) keys.addFrom(buffer, keys.count - rowCount);
  parent.rowCount += buffer.length;
}

function addPlaces(
  { places, keys, finder }: {
    places: GrowableArray<Uint32Array<ArrayBuffer>>;
    keys: TextKeys;
    finder: Finder;
  },
  buffer: ColumnBuffer | undefined,
): void {
  if (!buffer) return;
  const from = places.extend(buffer.length);
  const { array } = places;
  for (let i = 0; i < buffer.length; i++) array[from + i] = finder.find(keys, buffer, i);
}

/** Finds the keys of a run's rows, each once: whether a row is an orphan has been asked before its place is. */
interface Finder {
  find(keys: TextKeys, buffer: ColumnBuffer, row: number): number;
}

const notLooked = -2;

function createFinder(): Finder {
  let of: ColumnBuffer | undefined;
  let fills = -1;
  let places = new Int32Array();
  return {
    find(keys, buffer, row) {
      if (buffer.type !== "TEXT") return -1;
      if (of !== buffer || fills !== buffer.fills) {
        [of, fills] = [buffer, buffer.fills];
        if (places.length < buffer.length) places = new Int32Array(buffer.length);
        places.fill(notLooked);
      }
      if (places[row] === notLooked) places[row] = keys.find(buffer, row);
      return places[row];
    },
  };
}
