import assert from "node:assert/strict";
import { rowsOfSomeGroups } from "../../../pipeline/fit/model_rows.ts";

const rowCount = 30_000;
const rows = {
  logits: Float64Array.from({ length: rowCount }, (_, i) => i / 7),
  labels: Uint8Array.from({ length: rowCount }, (_, i) => i % 2),
  groups: Uint32Array.from({ length: rowCount }, (_, i) => Math.floor(i / 3)),
  weights: Float64Array.from({ length: rowCount }, (_, i) => 1 + i),
};

Deno.test("some groups: about as many rows as asked for, all rows of a group or none, each with its own values", () => {
  const some = rowsOfSomeGroups(rows, 6_000);
  assert(Math.abs(some.labels.length - 6_000) < 600, `${some.labels.length} rows`);
  const counts = new Map<number, number>();
  for (const group of some.groups) counts.set(group, (counts.get(group) ?? 0) + 1);
  assert([...counts.values()].every((count) => count === 3));
  for (const [at, weight] of (some.weights ?? []).entries()) {
    const row = weight - 1;
    assert.deepEqual(
      [some.logits[at], some.labels[at], some.groups[at]],
      [rows.logits[row], rows.labels[row], rows.groups[row]],
    );
  }
  assert.equal(rowsOfSomeGroups(rows, rowCount), rows, "all rows are few enough");
});
