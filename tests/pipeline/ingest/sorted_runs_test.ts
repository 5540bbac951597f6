import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { createMemoryBudget, type MemoryBudget } from "../../../pipeline/chunks/memory_budget.ts";
import { appendExact, appendFinite, appendString } from "../../../pipeline/files/columns/checked_append.ts";
import { cellAt, emptyBatch } from "../../../pipeline/files/columns/batch.ts";
import { appendNull, appendSpan, type ColumnBuffer } from "../../../pipeline/files/columns/column_buffer.ts";
import { orderByKey } from "../../../pipeline/files/columns/key_order.ts";
import { clearRowRun, createRowRun } from "../../../pipeline/files/columns/row_run.ts";
import { createRunWriter, createSortedRuns } from "../../../pipeline/ingest/sorted_runs.ts";
import { mergeOrder } from "../../../pipeline/math/merge_order.ts";
import type { ColumnType, TableColumn } from "../../../pipeline/store/table.ts";

// The same cases in every run, so that a failure can be repeated.
fc.configureGlobal({ seed: 20260101 });

const columnOf = (name: string, type: ColumnType): TableColumn => ({
  name,
  type,
  required: false,
  hasDefault: false,
  isTime: false,
  comment: "",
});
type Value = string | number | bigint | null;

function append(buffer: ColumnBuffer, value: Value): void {
  if (value === null) return appendNull(buffer);
  if (buffer.type === "TEXT") return appendString(buffer, String(value));
  if (buffer.type === "REAL") return appendFinite(buffer, Number(value));
  appendExact(buffer, typeof value === "string" ? NaN : value);
}

/** Sorts rows in runs, of which another thread writes every second one, and returns them merged, each with its number in the file. */
function merged(
  runs: readonly (readonly (readonly Value[])[])[],
  types: readonly ColumnType[],
  budget: MemoryBudget,
): { row: number; cells: Value[] }[] {
  const columns = types.map((type, i) => columnOf(`c${i}`, type));
  let isOtherIdle = false;
  const sorted = createSortedRuns({
    ...{ columns, key: 0, budget },
    shareRead: () => 1,
    isOtherIdle: () => isOtherIdle = !isOtherIdle,
  });
  const write = createRunWriter(budget);
  const run = createRowRun(columns);
  let firstRow = 1;
  for (const rows of runs) {
    for (const cells of rows) cells.forEach((cell, i) => append(run.buffers[i], cell));
    assert.equal(sorted.hasRoom(1), true);
    sorted.add({ buffers: run.buffers, order: orderByKey(run.buffers[0]), firstRow });
    clearRowRun(run);
    const unwritten = sorted.takeUnwritten();
    assert.equal(unwritten !== undefined, isOtherIdle);
    assert.equal(sorted.isBehind(), isOtherIdle);
    if (unwritten) {
      assert.deepEqual([...sorted.merge().take(3)], [emptyBatch, emptyBatch, emptyBatch]);
      sorted.addWritten(structuredClone(write(structuredClone(unwritten))));
    }
    firstRow += rows.length;
  }
  return [...sorted.merge()].flatMap((batch) =>
    Array.from(batch.rows, (row, i) => ({ row, cells: batch.columns.map((column) => cellAt(column, i)) }))
  );
}

const text = fc.oneof(
  fc.constantFrom("", "a", "ab", "same text", "gut für ✓", "𝄞", "common-prefix-1"),
  fc.string(),
);
const keys: Record<ColumnType, fc.Arbitrary<Value>> = {
  TEXT: text.filter((value) => !value.includes("\0")),
  INTEGER: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  REAL: fc.oneof(fc.constantFrom(-1, 0, 2.5), fc.double({ noNaN: true, noDefaultInfinity: true })),
};
const encoder = new TextEncoder();

/** Compares as SQLite does. */
function compare(a: Value, b: Value): number {
  if (typeof a !== "string" || typeof b !== "string") return a === b ? 0 : (a ?? 0) < (b ?? 0) ? -1 : 1;
  const [one, other] = [encoder.encode(a), encoder.encode(b)];
  const at = one.findIndex((byte, i) => byte !== other[i]);
  return at < 0 ? one.length - other.length : one[at] - (other[at] ?? -1);
}

for (const type of ["TEXT", "INTEGER", "REAL"] as const) {
  Deno.test(`runs with a key of ${type} are merged into the order of SQLite, rows of equal keys into that of the file`, async () => {
    const folder = await Deno.makeTempDir();
    const budget = createMemoryBudget(folder, 0);
    try {
      const other = fc.option(keys.TEXT, { freq: 4 });
      const row = fc.tuple(keys[type], other, fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })));
      fc.assert(
        fc.property(fc.array(fc.array(row, { maxLength: 40 }), { minLength: 1, maxLength: 6 }), (runs) => {
          const expected = runs.flat().map((cells, i) => ({ row: i + 1, cells: cells.map(exact) }))
            .sort((a, b) => compare(a.cells[0], b.cells[0]));
          const found = merged(runs, [type, "TEXT", "REAL"], budget);
          assert.deepEqual(found.map(({ row, cells }) => ({ row, cells: cells.map(exact) })), expected);
        }),
        { numRuns: 60 },
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** A number without the sign of zero, which has no order; an integer as a bigint only if a number would not be exact. */
function exact(value: Value): Value {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  return typeof value === "number" ? value + 0 : value;
}

/** Returns the size of all files in a folder. */
function heldBytes(folder: string): number {
  return [...Deno.readDirSync(folder)].reduce(
    (sum, { name }) => sum + Deno.statSync(join(folder, name)).size,
    0,
  );
}

Deno.test("long runs are merged from several chunks each, whose room is given back, and rows that share a text go on sharing it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const columns = [columnOf("key", "INTEGER"), columnOf("word", "TEXT")];
    const budget = createMemoryBudget(folder, 0);
    const sorted = createSortedRuns({ columns, key: 0, budget, shareRead: () => 1 });
    const rows = 20_000;
    for (const parity of [1, 0]) {
      const run = createRowRun(columns);
      const [key, word] = run.buffers;
      append(word, "even-odd");
      const ends = [[0, 4], [5, 8]];
      for (let i = 0; i < rows; i++) append(key, 2 * ((i * 7) % rows) + parity);
      for (let i = 1; i < rows; i++) {
        if (word.type === "TEXT") appendSpan(word, ends[parity][0], ends[parity][1]);
      }
      sorted.add({ buffers: run.buffers, order: orderByKey(key), firstRow: 1 });
    }
    const held = [heldBytes(folder)];
    const batches = Array.from(sorted.merge(), (batch) => {
      held.push(heldBytes(folder));
      return batch;
    });
    assert(held[0] > 0, "the runs were in files");
    assert.deepEqual(held, held.toSorted((a, b) => b - a));
    assert(0 < held[1] && held[1] < held[0], `${held} bytes are held`);
    assert.equal(heldBytes(folder), 0);
    assert.equal(batches[0].columns[1].type, "TERMS");
    const found = batches.flatMap(({ rowCount, columns: [key] }) =>
      Array.from({ length: rowCount }, (_, i) => cellAt(key, i))
    );
    assert.deepEqual(found, Array.from({ length: 2 * rows }, (_, i) => i));
    const words = batches.flatMap(({ rowCount, columns: [, word] }) =>
      Array.from({ length: rowCount }, (_, i) => cellAt(word, i))
    );
    assert(words.every((word, i) => word === (i % 2 === 0 ? "even" : "odd") || word === "even-odd"));
    assert.deepEqual([...sorted.merge()], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a run is refused without room on the disk", () => {
  const columns = [columnOf("key", "INTEGER")];
  const budget = createMemoryBudget("/proc/self", 0);
  const sorted = createSortedRuns({ columns, key: 0, budget, shareRead: () => 1 });
  assert.equal(sorted.hasRoom(1), false);
  assert.deepEqual([...sorted.merge()], []);
});

Deno.test("sequences of any number are merged in order, equal elements in that of their sequences", () =>
  fc.assert(fc.property(fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1 })), (lists) => {
    const sorted = lists.map((list, which) =>
      list.toSorted((a, b) => a - b).map((value) => ({ value, which }))
    );
    const at = sorted.map(() => 0);
    const order = mergeOrder(
      sorted.length,
      (a, b) => sorted[a][at[a]].value - sorted[b][at[b]].value || a - b,
    );
    const found = [];
    for (let first = order.first(); first >= 0; first = order.first()) {
      found.push(sorted[first][at[first]++]);
      if (at[first] === sorted[first].length) order.end();
      else order.advance();
    }
    assert.deepEqual(found, sorted.flat().sort((a, b) => a.value - b.value || a.which - b.which));
  })));
