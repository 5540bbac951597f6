import assert from "node:assert/strict";
import type { Table } from "../../../../pipeline/fit/tables/forest_tables.ts";
import { mergeBins } from "../../../../pipeline/fit/tables/merge_bins.ts";

/** A curve of the given values, of which the first is that of bin 0. */
function curveOf(values: readonly number[]): Table {
  return {
    fields: [0],
    positions: [Int32Array.from(values.keys())],
    shape: [values.length, 1],
    cells: Float64Array.from(values),
  };
}

const valuesOf = ({ positions: [positions], cells }: Table) => [...positions].map((at) => cells[at]);
const ones = (count: number) => new Float64Array(count).fill(1);

Deno.test("the most alike neighbours are merged first, while the budget lasts", () => {
  const curve = curveOf([5, 1, 1.1, 3, 3.3]);
  assert.deepEqual(valuesOf(mergeBins(curve, ones(5), [true], 0)), [5, 1, 1.1, 3, 3.3]);
  // ½ · ½ · 0.1² = 0.0025, and ½ · ½ · 0.3² = 0.0225.
  const first = mergeBins(curve, ones(5), [true], 0.003);
  assert.deepEqual(valuesOf(first), [5, 1.05, 1.05, 3, 3.3]);
  assert.deepEqual(first.shape, [4, 1]);
  assert.deepEqual(valuesOf(mergeBins(curve, ones(5), [true], 0.026)), [5, 1.05, 1.05, 3.15, 3.15]);
});

Deno.test("a merged cell is the weighted mean; a cell without rows costs nothing", () => {
  const curve = curveOf([0, 2, 6, 100]);
  assert.deepEqual(valuesOf(mergeBins(curve, Float64Array.of(1, 3, 1, 0), [true], 0)), [0, 2, 6, 6]);
  assert.deepEqual(valuesOf(mergeBins(curve, Float64Array.of(1, 3, 1, 0), [true], 10)), [0, 3, 3, 3]);
});

Deno.test("bin 0 is merged with no other", () => {
  assert.deepEqual(valuesOf(mergeBins(curveOf([1, 1, 1]), ones(3), [true], 10)), [1, 1, 1]);
  assert.deepEqual(mergeBins(curveOf([1, 1, 1]), ones(3), [true], 10).shape, [2, 1]);
});

Deno.test("numeric bins are neighbours in the order of values, levels in that of their means", () => {
  const values = [9, 1, 4, 1];
  assert.deepEqual(valuesOf(mergeBins(curveOf(values), ones(4), [true], 1)), [9, 1, 4, 1]);
  const levels = mergeBins(curveOf(values), ones(4), [false], 1);
  assert.deepEqual(levels.shape, [3, 1]);
  assert.deepEqual(valuesOf(levels), values);
});

Deno.test("of a table, like rows and like columns are merged", () => {
  const table: Table = {
    fields: [0, 1],
    positions: [Int32Array.of(0, 1, 2, 2), Int32Array.of(0, 1, 2)],
    shape: [3, 3],
    cells: Float64Array.of(0, 0, 0, 0, 1, 1, 0, 1, 1),
  };
  const merged = mergeBins(table, ones(9), [true, true], 0);
  assert.deepEqual(merged.shape, [2, 2]);
  assert.deepEqual(merged.positions.map((positions) => [...positions]), [[0, 1, 1, 1], [0, 1, 1]]);
  assert.deepEqual([...merged.cells], [0, 0, 0, 1]);
});
