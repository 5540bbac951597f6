import type { StoredChunk } from "../../chunks/chunk_file.ts";
import type { ChunkStore } from "../../chunks/chunk_store.ts";
import type { Coding } from "../../examples/coding.ts";
import { categoryCountOf, codingOf } from "../../examples/hash_join/placed_columns.ts";
import { notInStream } from "../../examples/hash_join/partitions.ts";
import type { JoinPlan } from "../../examples/join_plan.ts";
import {
  appendInteger,
  clearBuffer,
  type ColumnBuffer,
  createBuffer,
} from "../../files/columns/column_buffer.ts";
import type { RowRun } from "../../files/columns/row_run.ts";
import { createIntegerSet } from "../../ingest/integer_set.ts";
import { chunkOfRows, chunkRowsMax, type CollectedChunk, type RowSource } from "./collected_chunk.ts";
import type { ParentCollector } from "./parent_collector.ts";
import { createIds, createLabels } from "./run_columns.ts";
import { bufferOf, createTableColumns } from "./table_columns.ts";

/** Collects the rows of the table that has a row for each example. */
export function createChildCollector(
  plan: JoinPlan,
  parents: readonly ParentCollector[],
  chunkStore: ChunkStore,
) {
  const columns = createTableColumns(plan, plan.child);
  const ids = createIds();
  const idSet = createIntegerSet();
  const labels = plan.label.table === plan.child ? createLabels(plan.spec.positive) : undefined;
  const rowNumbers = createRowNumbers();
  const chunks: StoredChunk<CollectedChunk>[] = [];
  let isHeld = true;
  let [rowsRead, rowsKept] = [0, 0];
  const readAll = (run: RowRun) => {
    const idBuffer = bufferOf(run, plan.id) ?? rowNumbers.next(run.buffers[0].length);
    const buffers = (name: string) => name === plan.id ? idBuffer : bufferOf(run, name);
    const labelBuffer = labels && buffers(plan.label.column);
    return ids.read(idBuffer) && columns.read(buffers) &&
      (!labels || (labelBuffer !== undefined && labels.read(labelBuffer)));
  };
  const refer = (run: RowRun, kept: Uint32Array) => {
    if (parents.every(({ rows }) => !rows.later)) return;
    const numbers = new Uint32Array(run.buffers[0].length).fill(notInStream);
    for (let i = 0; i < kept.length; i++) numbers[kept[i]] = rowsKept + i;
    for (const parent of parents) {
      const buffer = bufferOf(run, parent.column);
      if (parent.rows.later && buffer?.type === "TEXT") parent.refer(buffer, numbers);
    }
  };
  return {
    ids: idSet,
    /** Per category of an example. */
    codings(): (Coding | undefined)[] {
      const tables = [columns, ...parents.map((parent) => parent.columns)];
      return Array.from({ length: categoryCountOf(plan) }, (_, category) => codingOf(tables, category));
    },
    rowsRead: () => rowsRead,
    /** Adds a run. @returns Whether all rows can be examples. */
    add(run: RowRun): boolean {
      const { length } = run.buffers[0];
      const { kept, own } = findParents(run, parents);
      refer(run, kept);
      rowsRead += length;
      isHeld &&= readAll(run);
      if (!isHeld) {
        chunks.length = 0;
        return false;
      }
      idSet.addAll(ids.values, length);
      const sources: RowSource[] = [
        { ...columns.values(), rows: kept, places: columns.places },
        ...own.map(({ parent, rows }) => ({ ...parent.rows.rows, rows, places: parent.columns.places })),
      ];
      for (let from = 0; from < kept.length; from += chunkRowsMax) {
        const to = Math.min(kept.length, from + chunkRowsMax);
        const chunk = chunkOfRows(sources, { kept, from, to }, {
          plan,
          ids: ids.values,
          labels: labels?.values,
          maker: chunkStore.columns,
        });
        chunks.push(chunkStore.put(chunk));
      }
      rowsKept += kept.length;
      return true;
    },
    takeChunks: () => chunks.splice(0),
  };
}

/** Returns the rows that have all parents in memory, and per parent in memory its rows. */
function findParents(run: RowRun, parents: readonly ParentCollector[]) {
  const { length } = run.buffers[0];
  const own = parents.flatMap((parent) => {
    const buffer = bufferOf(run, parent.column);
    return parent.rows.later || buffer?.type !== "TEXT"
      ? []
      : [{ parent, buffer, rows: new Uint32Array(length) }];
  });
  const kept = new Uint32Array(length);
  let count = 0;
  for (let row = 0; row < length; row++) {
    let isKept = true;
    for (let i = 0; i < own.length && isKept; i++) {
      const found = own[i].parent.find(own[i].buffer, row);
      isKept = found >= 0;
      own[i].rows[count] = found;
    }
    if (isKept) kept[count++] = row;
  }
  return { kept: kept.subarray(0, count), own };
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
