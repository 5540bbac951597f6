import assert from "node:assert/strict";
import type { BatchColumn } from "../../../pipeline/files/columns/batch.ts";
import { createCollectedColumn } from "../../../pipeline/predict/collected_column.ts";

function integers(values: readonly (bigint | null)[]): BatchColumn {
  // Buffers of a reader are longer than their rows.
  const exact = BigInt64Array.from([...values, 77n], (value) => value ?? 0n);
  const nulls = Uint8Array.from([...values, 1n], (value) => value === null ? 1 : 0);
  return { type: "INTEGER", nulls, exact, words: new Int32Array(exact.buffer) };
}

Deno.test("collected column: numbers stay typed until one is null", () => {
  const column = createCollectedColumn("INTEGER", 10);
  assert.ok(column.appendTyped(integers([1n, -(2n ** 62n)]), 2));
  assert.ok(column.appendTyped(integers([3n]), 1));
  assert.equal(column.length(), 3);
  assert.deepEqual(column.take(), BigInt64Array.of(1n, -(2n ** 62n), 3n));
  assert.ok(column.appendTyped(integers([null, 5n]), 2));
  assert.deepEqual(column.take(), [null, 5n]);
  assert.ok(column.appendTyped(integers([6n]), 1));
  assert.deepEqual(column.take(), BigInt64Array.of(6n));
  assert.equal(column.length(), 0);
});

Deno.test("collected column: cells of any kind follow typed values in their order", () => {
  const column = createCollectedColumn("INTEGER", 10);
  assert.ok(column.appendTyped(integers([1n, null]), 2));
  column.appendCells([7, 2n ** 60n, null]);
  assert.equal(column.appendTyped(integers([8n]), 1), false);
  column.appendCells([8]);
  assert.deepEqual(column.take(), [1n, null, 7n, 2n ** 60n, null, 8n]);
  const text = createCollectedColumn("TEXT", 10);
  assert.equal(text.appendTyped(integers([8n]), 1), false);
  text.appendCells(["a", 5, null]);
  assert.deepEqual(text.take(), ["a", "5", null]);
});

Deno.test("collected column: a probability that is no number is null", () => {
  const column = createCollectedColumn("REAL", 4);
  column.appendReals(Float64Array.of(0.25, NaN));
  assert.deepEqual(column.take(), [0.25, null]);
  column.appendReals(Float64Array.of(0.5));
  assert.deepEqual(column.take(), Float64Array.of(0.5));
});
