import type { ChunkStore } from "../../chunks/chunk_store.ts";
import type { MemoryBudget } from "../../chunks/memory_budget.ts";
import type { JoinPlan } from "../../examples/join_plan.ts";
import type { ColumnBuffer, TextBuffer } from "../../files/columns/column_buffer.ts";
import type { RowRun } from "../../files/columns/row_run.ts";
import type { ReadKeys } from "../../ingest/key_set.ts";
import { createCollectedParent } from "./collected_parent.ts";
import { bufferOf, createTableColumns } from "./table_columns.ts";

interface Resources {
  readonly budget: MemoryBudget;
  readonly chunkStore: ChunkStore;
}

/** Collects the rows of a parent. */
export type ParentCollector = ReturnType<typeof createParentCollector>;

export function createParentCollector(
  plan: JoinPlan,
  { table, key, column }: JoinPlan["parents"][number],
  resources: Resources,
) {
  const columns = createTableColumns(plan, table);
  const { places } = columns;
  const rows = createCollectedParent(
    { numericCount: places.numbers.length, codeCount: places.codes.length },
    resources,
  );
  const find = createFinder((buffer, row) => {
    const words = rows.wordsOf(buffer, row);
    return words ? rows.find(words) : -1;
  });
  /** The keys that were looked up in a parent in files, which the child refers to or another table. */
  let deferred: ColumnBuffer | undefined;
  const keys: ReadKeys = {
    addAll() {},
    has(buffer, row) {
      if (buffer.type !== "TEXT") return false;
      if (!rows.later) return find(buffer, row) >= 0;
      deferred = buffer;
      return true;
    },
    missing: () => rows.later?.match() ?? 0,
  };
  return {
    table,
    /** Of the child. */
    column,
    columns,
    rows,
    keys,
    find,
    add(run: RowRun): boolean {
      const buffer = bufferOf(run, key);
      if (buffer?.type !== "TEXT") return false;
      const areHeld = columns.read((name) => bufferOf(run, name));
      // The keys are needed in any case, to check what refers to them.
      rows.add(buffer, columns.values());
      return areHeld;
    },
    /** Refers to the parent in files. @param places Per row: its number among the child's rows, or `notInStream`. */
    refer(buffer: TextBuffer, places: Uint32Array): void {
      if (deferred === buffer) deferred = undefined;
      for (let row = 0; row < buffer.length; row++) rows.later?.refer(rows.wordsOf(buffer, row), places[row]);
    },
    /** Checks the keys that were looked up, and are not those of the child. */
    checkOthers(): void {
      if (deferred?.type !== "TEXT") return;
      for (let row = 0; row < deferred.length; row++) {
        if (deferred.nulls[row] === 0) rows.later?.refer(rows.wordsOf(deferred, row));
      }
      deferred = undefined;
    },
  };
}

const notLookedUp = -2;

/** Finds each key of a run only once: the check of references looks it up before its row is added. */
function createFinder(find: (buffer: TextBuffer, row: number) => number) {
  let current: ColumnBuffer | undefined;
  let fills = -1;
  let found = new Int32Array();
  return (buffer: TextBuffer, row: number): number => {
    if (current !== buffer || fills !== buffer.fills) {
      [current, fills] = [buffer, buffer.fills];
      if (found.length < buffer.length) found = new Int32Array(buffer.length);
      found.fill(notLookedUp);
    }
    if (found[row] === notLookedUp) found[row] = find(buffer, row);
    return found[row];
  };
}
