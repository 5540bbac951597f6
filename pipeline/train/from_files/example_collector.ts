import { createChunkStore } from "../../chunks/chunk_store.ts";
import type { MemoryBudget } from "../../chunks/memory_budget.ts";
import { inputColumnsOf, inputIndices } from "../../examples/input_columns.ts";
import type { JoinPlan } from "../../examples/join_plan.ts";
import type { RawExamples } from "../../examples/raw_examples.ts";
import type { FeatureSpec } from "../../examples/spec.ts";
import type { RowRun } from "../../files/columns/row_run.ts";
import type { IntegerSet } from "../../ingest/integer_set.ts";
import type { ReadKeys } from "../../ingest/key_set.ts";
import { arrangeExamples } from "./arrange.ts";
import { createChildCollector } from "./child_collector.ts";
import { createParentCollector, type ParentCollector } from "./parent_collector.ts";
import { createIds } from "./run_columns.ts";
import { bufferOf } from "./table_columns.ts";

/** Collects the rows of tables while they are read, and joins them into examples. */
export interface ExampleCollector {
  /** Returns the keys of a parent table, which need not be kept elsewhere; undefined for any other table. */
  keysOf(table: string): ReadKeys | undefined;
  /** Prepares for the rows of a file. @param rowCount undefined if it is not known. */
  start(table: string, rowCount: number | undefined): void;
  /** Adds a run of a table's rows. Tables that the plan does not name are ignored. */
  add(table: string, run: RowRun): void;
  /** Returns the ids of the child's rows; undefined if not all are held. */
  childIds(): IntegerSet | undefined;
  /**
   * Returns the examples in the order of their ids: identical, bit for bit, to those read from a store with these rows.
   *
   * @param features At most the features of the plan's spec; default: all of them.
   * @returns undefined if a row cannot be part of an example, or a column was not collected.
   * @throws {Failure} `store-full`, `file-unwritable`.
   */
  build(features?: FeatureSpec["features"]): RawExamples | undefined;
}

/**
 * @param budget Memory for the examples; the parents get as much again. What exceeds it is in files.
 */
export function createExampleCollector(plan: JoinPlan, budget: MemoryBudget): ExampleCollector {
  const chunkStore = createChunkStore(budget);
  const bytesMax = budget.kibibytes * 1024;
  const parents = plan.parents.map((parent) => createParentCollector(plan, parent, { budget, chunkStore }));
  const child = createChildCollector(plan, parents, chunkStore);
  const labelIds = createIds();
  const clickedIds: Float64Array[] = [];
  let isComplete = true;
  const parentOf = (table: string) => parents.find((one) => one.table === table);
  /** Moves the largest parents out of the memory until the others, and more rows of one, fit. */
  const makeRoom = (own: ParentCollector | undefined, more: number) => {
    for (;;) {
      const inMemory = parents.filter(({ rows }) => !rows.later);
      const bytesOf = ({ rows, table }: ParentCollector) => rows.bytesWith(table === own?.table ? more : 0);
      const bytes = inMemory.reduce((sum, parent) => sum + bytesOf(parent), 0);
      if (bytes <= bytesMax || inMemory.length === 0) return;
      inMemory.toSorted((a, b) => bytesOf(b) - bytesOf(a))[0].rows.spill(bytesMax);
    }
  };
  return {
    keysOf: (table) => parentOf(table)?.keys,
    start(table, rowCount) {
      const parent = parentOf(table);
      if (!parent || rowCount === undefined) return;
      parent.rows.expect(rowCount);
      makeRoom(parent, rowCount);
    },
    add(table, run) {
      const parent = parentOf(table);
      if (parent) {
        makeRoom(parent, run.buffers[0].length);
        if (!parent.add(run)) isComplete = false;
      }
      // Also if the examples are incomplete: their references are checked.
      if (table === plan.child && !child.add(run)) isComplete = false;
      for (const { checkOthers } of parents) checkOthers();
      if (table === plan.child || table !== plan.label.table) return;
      const ids = bufferOf(run, plan.label.column);
      if (ids && labelIds.read(ids)) clickedIds.push(labelIds.values.slice(0, ids.length));
      else isComplete = false;
    },
    childIds: () => isComplete ? child.ids.get() : undefined,
    build(features = plan.spec.features) {
      const indexOf = inputIndices(plan.spec.features);
      const indicesOf = (kind: string) =>
        inputColumnsOf(features).filter((input) => input.kind === kind).map(indexOf);
      const [numbers, categories] = [indicesOf("number"), indicesOf("category")];
      const matches = parents.flatMap(({ rows: { later }, columns: { places } }) =>
        later ? [{ places, blocks: later.blocks() }] : []
      );
      for (const { rows } of parents) rows.release();
      if (!isComplete || [...numbers, ...categories].includes(-1)) return undefined;
      return arrangeExamples(child.takeChunks(), {
        plan,
        numbers,
        categories,
        chunkStore,
        matches,
        codings: child.codings(),
        isClicked: plan.label.table === plan.child ? undefined : createLookup(clickedIds),
        rowsRead: child.rowsRead(),
      });
    },
  };
}

/**
 * Returns a function that returns whether an id is among others; it is called with ids that ascend.
 *
 * @param parts Emptied.
 */
function createLookup(parts: Float64Array[]): (id: number) => boolean {
  const sorted = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts.splice(0)) {
    sorted.set(part, at);
    at += part.length;
  }
  sorted.sort();
  let next = 0;
  return (id) => {
    while (next < sorted.length && sorted[next] < id) next++;
    return sorted[next] === id;
  };
}
