import assert from "node:assert/strict";
import { type FoundTable, tableLogits, widthOf } from "../../../../pipeline/fit/tables/found_model.ts";

const curve: FoundTable = {
  fields: [1],
  positions: [Int32Array.of(0, 1, 1)],
  cells: Float64Array.of(0.5, -0.25),
  coefficient: 2,
  worth: 1,
};
const table: FoundTable = {
  fields: [0, 1],
  positions: [Int32Array.of(0, 1), Int32Array.of(2, 0, 1)],
  cells: Float64Array.of(1, 2, 3, 4, 5, 6),
  coefficient: 10,
  worth: 0.5,
};

Deno.test("a logit is the intercept and each table's cell times its coefficient", () => {
  const codes = [Uint16Array.of(0, 1, 1), Uint16Array.of(0, 1, 2)];
  const logits = tableLogits({ intercept: -1, tables: [curve, table] }, codes, 3);
  assert.deepEqual([...logits], [-1 + 1 + 30, -1 - 0.5 + 40, -1 - 0.5 + 50]);
});

Deno.test("a table is as wide as its merged bins are many", () => {
  assert.equal(widthOf(Int32Array.of(2, 0, 1, 1)), 3);
});
