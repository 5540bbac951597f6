import assert from "node:assert/strict";
import { boost } from "../../../../pipeline/fit/tables/boost.ts";
import type { BoostRows, BoostTask } from "../../../../pipeline/fit/tables/boost_rows.ts";
import { poolLevels } from "../../../../pipeline/fit/tables/boost_fields.ts";
import { addTable, tablesInSteps } from "../../../../pipeline/fit/tables/forest_tables.ts";
import type { SearchRows } from "../../../../pipeline/fit/tables/found_model.ts";
import { createGrower } from "../../../../pipeline/fit/tables/grow.ts";
import type { Leaf } from "../../../../pipeline/fit/tables/leaf.ts";
import { purifyInSteps } from "../../../../pipeline/fit/tables/purify.ts";
import { runToEnd } from "../../../../pipeline/runtime/steps.ts";
import { sharedUint8 } from "../../../../pipeline/runtime/shared_memory.ts";
import { binnedRows } from "../../../support/binned_rows.ts";

const shapes = [
  { name: "x", kind: "numeric", bins: 200, missing: 0.1 },
  { name: "y", kind: "numeric", bins: 40 },
  { name: "c", kind: "categorical", bins: 12, missing: 0.05 },
] as const;

const step = (condition: boolean) => condition ? 1 : -1;
const mixedRows = binnedRows(3000, shapes, {
  logit: ([x, y, c]) => step(x > 90) * step(c % 3 === 0) + 0.5 * step(y > 20) + (x === 0 ? 1 : 0),
});

function boostRows(rows: SearchRows, isScored: (row: number) => boolean): BoostRows {
  const blocks = sharedUint8(rows.labels.length);
  for (let i = 0; i < blocks.length; i++) blocks[i] = isScored(i) ? 1 : 0;
  return { ...poolLevels(rows), labels: rows.labels, blocks };
}

const task: BoostTask = {
  fittedTo: [0],
  scoredOn: 1,
  mode: "sorted",
  leaves: 8,
  pairs: "all",
  treesMax: 120,
  patience: 60,
  seed: 3,
};

for (const mode of ["sorted", "single"] as const) {
  Deno.test(`the sum of the trees is the sum of their tables, by ${mode} levels`, () => {
    const rows = boostRows(mixedRows, (row) => row % 3 === 0);
    const run = runToEnd(boost(rows, { ...task, mode }));
    assert.ok(run.trees > 20);
    const { start, tables } = runToEnd(tablesInSteps([run], rows.fields));
    assert.ok(tables.some(({ fields }) => fields.length === 2));
    const scored = Uint32Array.from({ length: 1000 }, (_, i) => 3 * i);
    const logits = new Float64Array(scored.length).fill(start);
    for (const table of tables) addTable(table, rows.fields, scored, logits);
    const worst = run.logits.reduce((most, logit, i) => Math.max(most, Math.abs(logit - logits[i])), 0);
    assert.ok(worst < 1e-12, `${worst}`);
  });
}

Deno.test("purified tables add up to the same logits, and hold no mean of a row or column", () => {
  const rows = boostRows(mixedRows, () => false);
  const { scoredOn: _, ...unscored } = task;
  const run = runToEnd(boost(rows, unscored));
  const { start, tables } = runToEnd(tablesInSteps([run], rows.fields));
  const every = Uint32Array.from(rows.labels.keys());
  const pure = runToEnd(purifyInSteps(start, tables, { fields: rows.fields, among: every }));
  const [before, after] = [start, pure.intercept].map((base) => new Float64Array(every.length).fill(base));
  for (const table of tables) addTable(table, rows.fields, every, before);
  for (const table of pure.tables) addTable(table, rows.fields, every, after);
  const worst = before.reduce((most, logit, i) => Math.max(most, Math.abs(logit - after[i])), 0);
  assert.ok(worst < 1e-12, `${worst}`);
  for (const table of pure.tables) {
    const means = table.fields.map((field, axis) => {
      const sums = new Float64Array(table.shape[axis]);
      every.forEach((row) => {
        const value = new Float64Array(1);
        addTable(table, rows.fields, Uint32Array.of(row), value);
        sums[table.positions[axis][rows.fields[field].codes[row]]] += value[0] / every.length;
      });
      return table.fields.length === 1
        ? Math.abs(sums.reduce((a, b) => a + b, 0))
        : Math.max(...sums.map(Math.abs));
    });
    assert.ok(Math.max(...means) < 1e-9, `${table.fields}: ${means}`);
  }
});

Deno.test("more trees are grown until none of the last 60 lowers the loss of the scored rows", () => {
  const rows = boostRows(mixedRows, (row) => row % 2 === 0);
  const run = runToEnd(boost(rows, { ...task, treesMax: 3000 }));
  const last = run.forest.boxes[run.forest.boxes.length - 1] >= 0 ? treesGrown(rows, run) : 0;
  assert.equal(last, run.trees + 60);
});

function treesGrown(
  rows: BoostRows,
  run: { readonly forest: Parameters<typeof tablesInSteps>[0][number]["forest"] },
) {
  let count = 0;
  const total = (trees: number) => runToEnd(tablesInSteps([{ ...run, trees }], rows.fields));
  while (JSON.stringify(total(count + 1)) !== JSON.stringify(total(count))) count++;
  return count;
}

/** Grows a tree on all rows, from log-odds of 0. */
function grownOn(
  { fields }: BoostRows,
  rows: readonly number[],
  labels: Uint8Array,
  weight?: (row: number) => number,
) {
  const size = labels.length;
  const weights = weight && Float64Array.from({ length: size }, (_, row) => weight(row));
  const curvatures = Float64Array.from({ length: size }, (_, row) => (weights?.[row] ?? 1) / 4);
  const gradients = Float64Array.from(
    { length: size },
    (_, row) => (weights?.[row] ?? 1) * (0.5 - labels[row]),
  );
  const options = {
    allowed: new Uint8Array(9).fill(1),
    pairGain: new Float64Array(9),
    mode: "sorted",
    leaves: 8,
  } as const;
  const order = Uint32Array.from(rows);
  const none = { others: new Uint32Array(0), otherCount: 0 };
  const derivatives = { weights, gradients, curvatures };
  return runToEnd(
    createGrower(fields, options)({ order, rowCount: rows.length, ...none, ...derivatives }, [0, 1, 2]),
  );
}

const shapeOf = ({ path, sets, value }: Leaf) => ({ path, sets, value: Math.round(value * 1e9) });

Deno.test("a tree on a row of weight 3 is the tree on three such rows", () => {
  const rows = boostRows(mixedRows, () => false);
  const weight = (row: number) => row % 5 === 0 ? 3 : 1;
  const once = [...rows.labels.keys()];
  const repeated = once.flatMap((row) => new Array<number>(weight(row)).fill(row));
  const weighted = grownOn(rows, once, rows.labels, weight).map(shapeOf);
  assert.deepEqual(weighted, grownOn(rows, repeated, rows.labels).map(shapeOf));
  assert.equal(weighted.length, 8);
  assert.notDeepEqual(weighted, grownOn(rows, once, rows.labels).map(shapeOf));
});

Deno.test("no path splits on more than two fields, and each side of a split has at least 10 rows", () => {
  const rows = boostRows(mixedRows, () => false);
  const leaves = grownOn(rows, [...rows.labels.keys()], rows.labels);
  assert.ok(leaves.some(({ path }) => path.length === 2));
  assert.ok(leaves.every(({ path, start, end }) => path.length <= 2 && end - start >= 10));
  assert.equal(leaves.reduce((sum, { start, end }) => sum + end - start, 0), rows.labels.length);
});

Deno.test("levels with too few rows for a side of a split are pooled with unknown ones", () => {
  const rows = binnedRows(600, [{ name: "c", kind: "categorical", bins: 4 }], { logit: () => 0 });
  for (let i = 0; i < 600; i++) rows.fields[0].codes[i] = i < 9 ? 3 : 1 + i % 2;
  const { fields, pooled } = poolLevels(rows);
  assert.deepEqual([...pooled[0] ?? []], [0, 1, 2, 0, 0]);
  assert.equal(fields[0].binCount, 3);
  assert.equal(fields[0].codes[0], 0);
});
