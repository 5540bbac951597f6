import assert from "node:assert/strict";
import { createRandom } from "../../../pipeline/math/random.ts";
import type { CurvePart, FieldCurve, ModelReport } from "../../../pipeline/report/model_report.ts";
import { formatReport, parseReport } from "../../../pipeline/report/report_file.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import type { FeatureSpec } from "../../../pipeline/examples/spec.ts";
import { assertClose as assertNear } from "../../support/assert_close.ts";
import { specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, withStore } from "../../support/temp_store.ts";

const day = 86_400e6;
const start = Date.UTC(2026, 0, 5) * 1000;
const columns = ["who", "clicked", "x", "z", "c", "size", "at", "subject", "zip", "weight"];

/** Rows whose log-odds depend on x and c. */
function makeRows(count: number, seed = 3): Record<string, unknown>[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, id) => {
    const x = random.uniform() < 0.1 ? null : Math.round(400 * random.uniform()) / 100;
    const c = ["red", "green", "blue", null][random.below(4)];
    const logit = (x ?? 1) - 2 + (c === "red" ? 1 : 0);
    return {
      id,
      who: `w${Math.floor(id / 3)}`,
      clicked: random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0,
      x,
      z: Math.floor(1e4 * random.uniform() ** 3),
      c,
      size: ["small", "medium", "large", "huge"][random.below(4)],
      at: start + Math.floor(20 * day * random.uniform()),
      subject: ["big sale", "new news", "sale news today", ""][random.below(4)],
      zip: random.below(60),
      weight: 1 + random.below(3),
    };
  });
}

const features = [
  { name: "x", type: "numeric", bins: 5 },
  { name: "z", type: "numeric", transform: "log1p" },
  { name: "c", type: "categorical" },
  { name: "size", type: "ordinal", levels: ["small", "medium", "large"] },
  { name: "at", type: "time", parts: ["hour", "weekday", "age"] },
  { name: "subject", type: "words" },
  { name: "zip", type: "rate" },
];

async function reportOf(
  spec: FeatureSpec,
  rows: readonly Record<string, unknown>[],
  settings: Partial<HyperParameters> = {},
  threads = 1,
): Promise<ModelReport> {
  return await withStore(tableOf(columns), async ({ store }) => {
    insertRows(store, rows);
    const hyperParameters = { ...defaultHyperParameters, ...settings };
    const { report } = await trainModel(store, { spec, hyperParameters, threads, now: 0 });
    assert.ok(report);
    const whole: ModelReport = { ...report, model_id: "cw-0123456789abcdef" };
    const bytes = formatReport(whole);
    assert.ok(bytes.length < 300_000);
    return parseReport(bytes, whole.model_id);
  });
}

const assertClose = (got: number, expected: number, tolerance: number) =>
  assertNear(got, expected, tolerance, "of a report");
const isWhole = ({ type }: FieldCurve) => type !== "words";
const sumOf = (parts: readonly CurvePart[], value: (part: CurvePart) => number) =>
  parts.reduce((sum, part) => sum + value(part), 0);

Deno.test("report of a training: each row is in one part of a curve, with its click and its probability", async () => {
  for (const weight of [false, true]) {
    const rows = makeRows(1_500);
    const report = await reportOf(specOf(features, { weight, crosses: [{ of: ["c", "x"] }] }), rows);
    const { evaluation, data } = report;
    assert.equal(report.rows, "held-out");
    assert.deepEqual(
      report.curves.map(({ field, part }) => part === undefined ? field : `${field}:${part}`),
      ["x", "z", "c", "size", "at:hour", "at:weekday", "at:age", "subject", "zip"],
    );
    const weightOf = (row: Record<string, unknown>) => weight ? Number(row.weight) : 1;
    const total = rows.reduce((sum, row) => sum + weightOf(row), 0);
    for (const { field, parts } of report.curves.filter(isWhole)) {
      const train = sumOf(parts, (part) => part.train?.rows ?? NaN);
      const held = sumOf(parts, ({ evaluated }) => evaluated.rows);
      assert.equal(train + held, total, field);
      assertClose(sumOf(parts, ({ evaluated }) => evaluated.predicted), evaluation.predicted * held, 1e-5);
      assertClose(sumOf(parts, ({ evaluated }) => evaluated.clicks), evaluation.observed * held, 1e-5);
    }
    const curve = report.curves.find(({ field }) => field === "c");
    for (const [name, level] of [["red", "red"], ["blue", "blue"], ["missing", null]] as const) {
      const part = curve?.parts.find((one) => one.name === name);
      const own = rows.filter(({ c }) => c === level);
      assert.equal(
        Number(part?.train?.rows) + Number(part?.evaluated.rows),
        own.reduce((s, r) => s + weightOf(r), 0),
      );
    }
    const missing = report.curves[0].parts.at(-1);
    assert.equal(missing?.is, "missing");
    const absent = rows.filter(({ x }) => x === null);
    assert.equal(
      Number(missing?.train?.rows) + Number(missing?.evaluated.rows),
      absent.reduce((sum, row) => sum + weightOf(row), 0),
    );
    assert.equal(data.rows.train + data.rows.test, 1_500);
    assert.equal(data.fields.find(({ field }) => field === "x")?.missing, missing?.train?.rows);
  }
});

Deno.test("report of a training: effects are what the coefficients add, above their mean over the training rows", async () => {
  const report = await reportOf(specOf(features), makeRows(1_500));
  for (const { parts, effects } of report.curves.filter(isWhole)) {
    assert.equal(effects, "log-odds");
    const mean = sumOf(parts, ({ effect, train }) => Number(effect) * Number(train?.rows));
    assert.ok(Math.abs(mean) < 1e-2, JSON.stringify(parts));
    for (const { low = NaN, high = NaN, effect, train } of parts) {
      // Rates of the held-out rows are not those of the others, of which each has a rate without its own click.
      assert.equal(effect === null, train?.rows === 0);
      if (effect !== null) assert.ok(low <= Number(effect) && Number(effect) <= high, JSON.stringify(parts));
    }
  }
  const valueOf = (name: string) =>
    report.coefficients.shown.find(({ column }) => column === name)?.value ?? NaN;
  const effectOf = (field: string, name: string) =>
    Number(
      report.curves.find((curve) => curve.field === field)?.parts.find((part) => part.name === name)?.effect,
    );
  assertClose(effectOf("c", "red") - effectOf("c", "blue"), valueOf("c=red") - valueOf("c=blue"), 1e-5);
  assertClose(effectOf("size", "large") - effectOf("size", "medium"), valueOf("size≥large"), 1e-5);
  assertClose(effectOf("subject", "sale"), valueOf('subject "sale"'), 1e-5);
  assert.ok(effectOf("c", "red") > 0.5, "the truth is 1 above the others");
});

Deno.test("report of a training: importance finds the fields that matter, and the trace ends at the solver's optimum", async () => {
  const report = await reportOf(specOf(features), makeRows(3_000));
  const { importance, trace, solver } = report;
  assert.deepEqual(importance?.fields.slice(0, 2).map(({ field }) => field).sort(), ["c", "x"]);
  for (const { low = NaN, log_loss, high = NaN } of importance?.fields ?? []) {
    assert.ok(low < log_loss && log_loss < high);
  }
  assert.equal(trace.at(-1)?.objective, solver.objective);
  assert.ok(trace.every(({ objective }, i) => i === 0 || objective <= trace[i - 1].objective));
});

Deno.test("report of a training: crosses have the log-odds, rows and clicks of their combinations", async () => {
  const crosses = [{ of: ["c", "size"], minCount: 5 }];
  const { crosses: [heat], coefficients } = await reportOf(specOf(features, { crosses }), makeRows(1_500));
  assert.deepEqual(heat.of, ["c", "size"]);
  assert.equal(heat.effects.length, heat.row_names.length);
  for (const row of heat.effects) assert.equal(row.length, heat.column_names.length);
  const [row, column] = [heat.row_names.indexOf("red"), heat.column_names.indexOf("small")];
  const shown = coefficients.shown.find((one) => one.column === "c=red × size=small");
  assert.equal(shown?.field, "c × size");
  assertClose(Number(heat.effects[row][column]), Number(shown?.value), 1e-6);
  assert.ok(heat.clicks[row][column] > 0 && heat.clicks[row][column] < heat.rows[row][column]);
});

Deno.test("report of a training: numbers of several divisions and exact values have curves", async () => {
  const own = [
    { name: "x", type: "numeric", bins: [3, 9] },
    { name: "z", type: "numeric", bins: 64 },
    { name: "zip", type: "numeric", values: { minCount: 2 } },
  ];
  const report = await reportOf(specOf(own), makeRows(2_000));
  for (const { parts, field } of report.curves) {
    assert.ok(parts.length > 5 && parts.length <= 40, field);
    const mean = sumOf(parts, ({ effect, train }) => Number(effect) * Number(train?.rows));
    assert.ok(Math.abs(mean) < 1e-2);
  }
  const [low, high] = [report.curves[0].parts[0], report.curves[0].parts.at(-2)];
  assert.ok(Number(high?.effect) - Number(low.effect) > 2, "x has slope 1 from 0 to 4");
});

Deno.test("report of a training: the same bytes for any number of threads", async () => {
  const [rows, spec] = [makeRows(2_000), specOf(features, { weight: true })];
  assert.deepEqual(await reportOf(spec, rows, {}, 2), await reportOf(spec, rows, {}, 1));
});

Deno.test("report of a training: without held-out rows, or if these have one label, the training rows are evaluated", async () => {
  const all = await reportOf(specOf(features), makeRows(600), { testShare: 0 });
  assert.equal(all.rows, "training");
  assert.equal(all.evaluation.rows, 600);
  for (const { parts } of all.curves.filter(isWhole)) {
    assert.equal(sumOf(parts, ({ train }) => Number(train?.rows)), 600);
  }
  // Three clicked rows, all of one group.
  const rare = makeRows(300).map((row, i) => ({ ...row, clicked: i >= 3 && i < 6 ? 1 : 0 }));
  const report = await reportOf(specOf(features.slice(1, 3)), rare);
  assert.equal(report.rows, "training");
  assert.equal(report.evaluation.clicks, 3);
});

Deno.test("report of a training: a model with hidden layers has observed and predicted rates, and epochs", async () => {
  const report = await reportOf(specOf(features.slice(0, 4)), makeRows(1_200), {
    optimizer: "adam",
    hidden: "4",
    epochs: 3,
    learningRate: 0.05,
    batchSize: 64,
  });
  assert.deepEqual(report.coefficients.shown, []);
  assert.deepEqual(report.trace.map(({ step }) => step), [1, 2, 3]);
  const curve = report.curves[0];
  assert.equal(curve.effects, "partial");
  const odds = ({ predicted, rows }: CurvePart["evaluated"]) => Math.log(predicted / (rows - predicted));
  const { predicted } = report.evaluation;
  for (const { effect, evaluated } of curve.parts.filter((part) => part.evaluated.rows > 0)) {
    assertClose(Number(effect), odds(evaluated) - Math.log(predicted / (1 - predicted)), 1e-4);
  }
});

Deno.test("report of a training: other penalties, class weights, sampled rows and a split by time have one", async () => {
  const spec = specOf(features, { time: "at" });
  const cases: readonly Partial<HyperParameters>[] = [
    { penalty: "l1", C: 0.1 },
    { penalty: "none" },
    { classWeight: "balanced" },
    { negatives: 0.5 },
    { split: "time" },
    { solver: "lbfgs" },
  ];
  for (const settings of cases) {
    const { evaluation, curves, hyper_parameters } = await reportOf(spec, makeRows(900), settings);
    for (const [name, value] of Object.entries(settings)) assert.equal(hyper_parameters[name], value);
    assert.ok(evaluation.by_time && evaluation.by_time.parts.length >= 4);
    assert.equal(curves.length, 9);
  }
});

Deno.test("report of a training: hundreds of fields with long names of levels stay below 300 kB", async () => {
  const wide = Array.from(
    { length: 120 },
    (_, i) => ({ name: `field_${i}_with_a_long_name`, type: "categorical" }),
  );
  const random = createRandom(5);
  const rows = Array.from({ length: 300 }, (_, id) => ({
    ...Object.fromEntries(wide.map(({ name }) => [name, `${"長い名前".repeat(30)} ${random.below(40)}`])),
    ...{ id, who: `w${id}`, clicked: random.below(2) },
  }));
  await withStore(tableOf(["who", "clicked", ...wide.map(({ name }) => name)]), async ({ store }) => {
    insertRows(store, rows);
    const hyperParameters = { ...defaultHyperParameters, C: 0.01 };
    const { report } = await trainModel(store, { spec: specOf(wide), hyperParameters, threads: 1, now: 0 });
    assert.ok(report);
    const bytes = formatReport({ ...report, model_id: "cw-0123456789abcdef" });
    assert.ok(bytes.length < 300_000, String(bytes.length));
    assert.equal(report.curves.length, 60);
  });
});
