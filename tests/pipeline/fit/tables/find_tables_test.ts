import assert from "node:assert/strict";
import { findTables } from "../../../../pipeline/fit/tables/find_tables.ts";
import {
  type FoundModel,
  type Pair,
  type SearchRows,
  type Stage,
  tableLogits,
} from "../../../../pipeline/fit/tables/found_model.ts";
import type { SearchEvent } from "../../../../pipeline/fit/tables/search_options.ts";
import { allPairs } from "../../../../pipeline/fit/tables/search_trees.ts";
import { sharedFloat64 } from "../../../../pipeline/runtime/shared_memory.ts";
import { startThreads } from "../../../../pipeline/runtime/thread_pool.ts";
import { trainWorkerUrl } from "../../../../pipeline/train/training_resources.ts";
import { binnedRows, weightedRows } from "../../../support/binned_rows.ts";
import { assertRejected } from "../../../support/expected_failure.ts";
import { alone } from "../../../support/example_rows.ts";

const step = (condition: boolean) => condition ? 1 : -1;
const shapes = [
  { name: "a", kind: "numeric", bins: 30, missing: 0.1 },
  { name: "b", kind: "numeric", bins: 30 },
  { name: "c", kind: "categorical", bins: 6 },
  { name: "d", kind: "numeric", bins: 10 },
] as const;
/** A pair of which neither field says anything alone, and a curve. */
const planted = binnedRows(2400, shapes, {
  groupRows: 2,
  logit: ([a, , c, d]) => 1.5 * step(a > 15) * step(c > 3) + 0.15 * (d - 5),
});

const text = (model: FoundModel) =>
  JSON.stringify(
    model,
    (_, value) => ArrayBuffer.isView(value) ? [...(value as Float64Array)].join() : value,
  );

const find = (rows: SearchRows, options: Partial<Parameters<typeof findTables>[1]> = {}) =>
  findTables(rows, { seed: 7, threads: alone, ...options });

const plantedModel = await find(planted);
/** Ends a search after its second stage. */
const short = { stopAt: ({ name }: Stage) => name === "pairs" };

Deno.test("a planted pair of fields is found, and is worth most", () => {
  const { tables, outOfFold, stages } = plantedModel;
  assert.deepEqual(tables[0].fields, [0, 2]);
  assert.ok(tables[0].worth > 1);
  const curve = tables.find(({ fields }) => fields.join() === "3");
  assert.ok(curve && curve.worth > 0.05);
  const [curves] = stages;
  assert.equal(curves.name, "curves");
  assert.ok(outOfFold.logLoss < 0.85 * curves.logLoss);
  assert.equal(
    stages.filter(({ chosen, name }) => chosen && name !== "coefficients").length,
    plantedModel.steps.kinds.length,
  );
});

Deno.test("cells read as log-odds: the planted steps are found at the planted bins", () => {
  const [table] = plantedModel.tables;
  const at = (a: number, c: number) => {
    const width = Math.max(...table.positions[1]) + 1;
    return table.coefficient * table.cells[table.positions[0][a] * width + table.positions[1][c]];
  };
  for (const [a, c] of [[5, 1], [25, 5]]) assert.ok(Math.abs(at(a, c) - 1.5) < 0.4, `${at(a, c)}`);
  for (const [a, c] of [[5, 5], [25, 1]]) assert.ok(Math.abs(at(a, c) + 1.5) < 0.4, `${at(a, c)}`);
});

Deno.test("no table is found in noise", async () => {
  const noise = binnedRows(2000, shapes, { seed: 4, logit: () => -0.4 });
  const { tables, steps, outOfFold } = await find(noise);
  assert.deepEqual(steps.kinds.map(({ pairs }) => pairs), [[]]);
  assert.ok(tables.every(({ worth }) => worth < 0.02), `${tables.map(({ worth }) => worth)}`);
  assert.ok(outOfFold.logLoss < 0.69);
});

Deno.test("1, 2 and 5 threads find the same bytes", async () => {
  for (const count of [2, 5]) {
    const threads = startThreads(count, trainWorkerUrl());
    try {
      assert.equal(text(await find(planted, { threads })), text(plantedModel));
    } finally {
      threads.close();
    }
  }
});

Deno.test("the steps of a search give the same bytes without it", async () => {
  const repeated = await find(planted, { seed: 99, steps: plantedModel.steps });
  assert.deepEqual(repeated.stages, []);
  assert.equal(text({ ...repeated, stages: plantedModel.stages }), text(plantedModel));
});

Deno.test("steps of a search with another number of folds are repeated with trees like theirs", async () => {
  const { steps: { seed, kinds }, outOfFold } = plantedModel;
  const withFolds = (count: number) => ({
    seed,
    kinds: kinds.map((kind) => ({
      ...kind,
      foldTrees: kind.foldTrees.slice(0, count),
      foldPairs: kind.foldPairs.slice(0, count),
    })),
  });
  const ofOne = await find(planted, { steps: withFolds(1) });
  assert.equal(ofOne.outOfFold.folds.length, outOfFold.folds.length);
  assert.ok(Math.abs(ofOne.outOfFold.logLoss / outOfFold.logLoss - 1) < 0.02);
  assert.equal((await find(planted, { steps: withFolds(3) })).outOfFold.folds.length, 3);
});

Deno.test("tables of two kinds of trees are the mean of both, and have the pairs of both", async () => {
  const trees = { foldTrees: [60, 60, 60], trees: 66 };
  const kindOf = (pairs: readonly Pair[], leaves: number) =>
    ({ mode: "sorted", leaves, pairs, foldPairs: [pairs, pairs, pairs], ...trees }) as const;
  const kinds = [kindOf([[0, 2]], 8), kindOf([[1, 3]], 4)];
  const found = await find(planted, { steps: { seed: 7, kinds } });
  assert.deepEqual(found.steps.kinds, kinds);
  const pairs = found.tables.filter(({ fields }) => fields.length === 2).map(({ fields }) => fields.join());
  assert.deepEqual(pairs.sort(), ["0,2", "1,3"]);
  // Of the trees of one kind alone, the planted steps are twice as high before their coefficient.
  const alone = await find(planted, { steps: { seed: 7, kinds: [kinds[0]] } });
  const [half, whole] = [found, alone].map(({ tables }) => {
    const table = tables.find(({ fields }) => fields.join() === "0,2");
    return table ? Math.max(...table.cells) : NaN;
  });
  assert.ok(Math.abs(half / whole - 0.5) < 0.1, `${half} ${whole}`);
});

Deno.test("trees of few rows that are nearly certain are smoothed less; those of others, and of many rows, as usual", async () => {
  const few = ["a", "b", "c", "d", "e"].map((name) => ({ name, kind: "numeric", bins: 3 }) as const);
  const certain = (count: number) =>
    binnedRows(count, few, {
      logit: ([a, b, c, d]) => 9 * (step(a > 1) + step(c > 1)) + 6 * (step(b > 2) - step(d > 2)),
    });
  const rows = certain(900);
  const found = await find(rows);
  assert.equal(found.steps.kinds[0].smoothing, 0.1);
  const repeated = await find(rows, { steps: found.steps });
  assert.equal(text({ ...repeated, stages: found.stages }), text(found));
  assert.deepEqual(plantedModel.steps.kinds.map(({ smoothing }) => smoothing), [undefined]);
  const many = await find(binnedRows(40_001, few.slice(3), { logit: () => 0 }));
  assert.ok(
    many.stages.every(({ smoothing, fieldShare, rowShare }) => !(smoothing ?? fieldShare ?? rowShare)),
  );
});

Deno.test("the best trees are also grown on fewer or more fields and rows, and the better ones are kept", async () => {
  // Eight fields say the same with noise of their own, so that a tree that sees few of them learns more from all.
  const alike = Array.from({ length: 8 }, (_, i) => ({ name: `f${i}`, kind: "numeric", bins: 6 }) as const);
  const rows = binnedRows(1500, alike, {
    logit: (bins) => bins.reduce((sum, bin) => sum + 0.25 * (bin - 3.5), 0),
  });
  const found = await find(rows);
  const tried = found.stages.map(({ fieldShare, rowShare, smoothing }) => [smoothing, fieldShare, rowShare]);
  assert.deepEqual([...new Set(tried.flat())].sort(), [0.1, 0.4, 0.5, undefined]);
  const pairs = found.stages.filter(({ name }) => name === "pairs");
  const [first] = pairs.filter(({ fieldShare }) => fieldShare === 0.4);
  assert.ok(first.logLoss < Math.min(...pairs.slice(0, pairs.indexOf(first)).map(({ logLoss }) => logLoss)));
  assert.equal(found.steps.kinds[0].fieldShare, 0.4);
  const repeated = await find(rows, { steps: found.steps });
  assert.equal(text({ ...repeated, stages: found.stages }), text(found));
});

Deno.test("few rows are divided into up to ten folds, of at least 20 groups; by time into three", async () => {
  const countOf = async (rows: SearchRows) =>
    (await find(rows, { stopAt: () => true })).outOfFold.folds.length;
  const one = [shapes[3]];
  assert.equal(await countOf(binnedRows(900, one, { logit: ([d]) => d / 5 - 1 })), 10);
  assert.equal(await countOf(binnedRows(900, one, { groupRows: 9, logit: ([d]) => d / 5 - 1 })), 5);
  assert.equal(await countOf(binnedRows(5_000, one, { logit: ([d]) => d / 5 - 1 })), 4);
  assert.equal(await countOf(binnedRows(7_000, one, { logit: ([d]) => d / 5 - 1 })), 3);
  const rows = binnedRows(900, one, { logit: ([d]) => d / 5 - 1 });
  const times = sharedFloat64(900);
  for (let i = 0; i < times.length; i++) times[i] = i;
  assert.equal(await countOf({ ...rows, times }), 3);
});

Deno.test("out-of-fold logits are by models that have not seen the row's group", () => {
  const { blocks, folds, logits } = plantedModel.outOfFold;
  assert.ok(logits.every(Number.isFinite));
  assert.ok(folds.every(({ fittedTo, scoredOn }) => !fittedTo.includes(scoredOn)));
  for (let i = 0; i < blocks.length; i += 2) assert.equal(blocks[i], blocks[i + 1]);
});

Deno.test("the mean probability of the training rows is that of their labels", () => {
  const logits = tableLogits(plantedModel, planted.fields.map(({ codes }) => codes), planted.labels.length);
  const mean = logits.reduce((sum, logit) => sum + 1 / (1 + Math.exp(-logit)), 0) / logits.length;
  const rate = planted.labels.reduce((sum, label) => sum + label, 0) / logits.length;
  assert.ok(Math.abs(mean - rate) < 1e-9);
});

Deno.test("a missing value that training never saw adds nothing to the logit", () => {
  for (const { fields, positions, cells } of plantedModel.tables) {
    // Fields b and d have no missing values.
    const axis = fields.findIndex((field) => field === 1 || field === 3);
    if (axis < 0) continue;
    const width = positions.length === 1 ? 1 : Math.max(...positions[1]) + 1;
    const unseen = cells.filter((_, i) =>
      (axis === 0 ? Math.floor(i / width) : i % width) === positions[axis][0]
    );
    assert.ok(unseen.every((cell) => cell === 0));
  }
});

Deno.test("rows of later folds come after those they are fitted to, if times are given", async () => {
  const times = sharedFloat64(2400);
  for (let i = 0; i < times.length; i++) times[i] = (i * 7919) % 2400;
  const { outOfFold: { blocks, folds, logits } } = await find({ ...planted, times }, short);
  for (const { fittedTo, scoredOn } of folds) {
    const timesOf = (among: readonly number[]) => [...times].filter((_, i) => among.includes(blocks[i]));
    assert.ok(Math.max(...timesOf(fittedTo)) < Math.min(...timesOf([scoredOn])));
  }
  assert.equal(logits.filter(Number.isNaN).length, blocks.filter((block) => block === 0).length);
});

Deno.test("stopAt ends the search after a stage, and the best trees so far are used", async () => {
  const seen: Stage[] = [];
  const { stages, tables } = await find(planted, { stopAt: (stage) => seen.push(stage) === 3 });
  assert.deepEqual(seen.map(({ name, leaves }) => [name, leaves]), [
    ["curves", 4],
    ["pairs", 16],
    ["pairs", 32],
  ]);
  assert.equal(stages.length, 4);
  assert.deepEqual(tables[0].fields, [0, 2]);
});

Deno.test("a checkpoint that throws ends the search, in worker threads too", async () => {
  const threads = startThreads(2, trainWorkerUrl());
  try {
    let calls = 0;
    const checkpoint = () => {
      if (++calls > 2) throw new Error("stopped here");
    };
    await assert.rejects(find(planted, { threads, checkpoint }), /stopped here/);
  } finally {
    threads.close();
  }
});

Deno.test("progress is reported per stage, with the trees so far", async () => {
  const events: SearchEvent[] = [];
  await find(planted, { ...short, observe: (event) => events.push(event) });
  assert.deepEqual([...new Set(events.map(({ stage }) => stage))].slice(0, 2), ["curves", "pairs"]);
  const final = events.filter(({ stage }) => stage === "final").at(-1);
  assert.equal(final?.trees, final?.treesTotal);
});

Deno.test("one field, and a field of one value, are no obstacle", async () => {
  const one = binnedRows(1500, [shapes[0]], { logit: ([a]) => 0.1 * a - 1.5 });
  assert.deepEqual((await find(one)).tables.map(({ fields }) => fields), [[0]]);
  const constant = binnedRows(1500, [{ name: "k", kind: "numeric", bins: 1 }, shapes[0]], {
    logit: ([, a]) => 0.1 * a - 1.5,
  });
  assert.deepEqual((await find(constant)).tables.map(({ fields }) => fields), [[1]]);
});

Deno.test("weights of 1 give the same bytes as none", async () => {
  // The basis of intervals has the weights themselves.
  const foundIn = async (rows: SearchRows) => {
    const { basis, ...found } = await find(rows, short);
    assert.ok(basis);
    return text(found as FoundModel);
  };
  assert.equal(await foundIn(weightedRows(planted, () => 1)), await foundIn(planted));
});

Deno.test("a row counts by its weight: rows of weight 0.001 have next to no say", async () => {
  const opposite = binnedRows(3000, [shapes[3]], { logit: ([d]) => d > 5 ? 1 : -1 });
  const rows = weightedRows(opposite, (row) => opposite.labels[row] === 1 ? 0.001 : 1);
  const { intercept } = await find(rows, short);
  assert.ok(intercept < -5);
});

const many = 110_000;
const fewFields = [
  { name: "a", kind: "numeric", bins: 20 },
  { name: "c", kind: "categorical", bins: 70_000 },
  { name: "d", kind: "categorical", bins: 3 },
] as const;

Deno.test("of more than 100,000 rows, whole groups are held out, and the search is on a sample of the others", async () => {
  const rows = binnedRows(many, fewFields, { groupRows: 2, logit: () => 0 });
  const counts: number[] = [];
  const { outOfFold: { blocks, folds, logits } } = await find(rows, {
    stopAt: () => true,
    observe: ({ stage }) => counts.push(stage === "held-out" ? 1 : 0),
  });
  assert.deepEqual(folds, [{ fittedTo: [0], scoredOn: 1 }]);
  const held = blocks.reduce((sum, block) => sum + block, 0);
  assert.ok(Math.abs(held / many - 0.2) < 0.01, `${held}`);
  for (let i = 0; i < many; i += 2) assert.equal(blocks[i], blocks[i + 1]);
  assert.ok(logits.every((logit, i) => Number.isNaN(logit) === (blocks[i] === 0)));
  assert.ok(counts.includes(1));
});

Deno.test("tables of a field of 70,000 levels are as large as its frequent levels are many", async () => {
  const rows = binnedRows(many, fewFields, {
    logit: ([a, c, d]) => step(a > 10) * step(d > 1) + (c > 200 ? 0 : 2),
  });
  // Two levels are frequent.
  for (let i = 0; i < many; i += 4) rows.fields[1].codes[i] = 1 + i % 8 / 4;
  const kind = { leaves: 8, mode: "single", pairs: allPairs(3), trees: 20 } as const;
  const kinds = [{ ...kind, foldPairs: [allPairs(3)], foldTrees: [20] }];
  const { tables } = await find(rows, { steps: { seed: 7, kinds } });
  const sizes = tables.map(({ cells }) => cells.length);
  assert.ok(Math.max(...sizes) < 200, `${sizes}`);
  assert.ok(
    tables.every(({ fields, positions }) =>
      fields.every((f, axis) => positions[axis].length === rows.fields[f].binCount)
    ),
  );
});

Deno.test("rows of one group are no folds: the failure says so", async () => {
  const rows = binnedRows(200, [shapes[0]], { groupRows: 200, logit: () => 0 });
  await assertRejected(
    find(rows),
    "examples-invalid",
    /one of 3 folds of 200 training rows .*All rows of a group/,
  );
});
