import assert from "node:assert/strict";
import { evaluatedReport, reportWithoutTraining } from "../../../pipeline/report/evaluated_report.ts";
import { formatReport, parseReport } from "../../../pipeline/report/report_file.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { evaluateRows } from "../../../pipeline/predict/evaluate_rows.ts";
import { heldOutRows } from "../../../pipeline/predict/held_out_rows.ts";
import type { FieldCurve } from "../../../pipeline/report/model_report.ts";
import { recountedCurves } from "../../../pipeline/report/recounted_curves.ts";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { trainModel } from "../../../pipeline/train/train.ts";
import { openTrainingResources } from "../../../pipeline/train/training_resources.ts";
import { specOf } from "../../support/example_rows.ts";
import { insertRows, tableOf, withStore } from "../../support/temp_store.ts";
import { metadata } from "../../support/trained_model.ts";
import { storedReport } from "../../support/stored_report.ts";

const stored = storedReport();
const evaluation = { ...stored.evaluation, rows: stored.data.rows.test };
const values = {
  fields: [],
  probabilities: new Float64Array(),
  labels: new Uint8Array(),
  isAnswered: () => true,
};

Deno.test("the report of an evaluation on the held-out rows is that of the training, with what was found", () => {
  const report = evaluatedReport({ ...stored, sampled_from: 9 }, metadata, {
    ...{ evaluation, values },
    rows: "held-out",
  });
  assert.deepEqual(report, { ...stored, evaluation });
});

Deno.test("the report of an evaluation does not show the rates of other rows as theirs", () => {
  const others = { ...evaluation, rows: evaluation.rows + 1 };
  for (
    const [rows, from, found] of [
      ["files", "held-out", evaluation],
      ["held-out", "training", evaluation],
      ["held-out", "held-out", others],
    ] as const
  ) {
    const report = evaluatedReport({ ...stored, rows: from }, metadata, { evaluation: found, rows, values });
    assert.equal(report.rows, rows);
    const parts = report.curves.flatMap(({ parts }) => parts);
    assert.ok(parts.every(({ evaluated }) => evaluated.rows === 0));
    assert.deepEqual(
      parts.map(({ train }) => train),
      stored.curves.flatMap(({ parts }) => parts.map(({ train }) => train)),
    );
  }
});

const random = createRandom(6);
const rows = Array.from({ length: 1_200 }, (_, id) => ({
  id,
  who: `w${Math.floor(id / 3)}`,
  clicked: random.below(3) === 0 ? 1 : 0,
  x: random.below(10) === 0 ? null : Math.round(400 * random.uniform()) / 100,
  z: random.below(7),
  c: ["red", "green", "a rare one", null][random.below(4)],
  hashed: `h${random.below(40)}`,
  size: ["small", "medium", "large", "huge"][random.below(4)],
  at: Date.UTC(2026, 0, 5) * 1000 + Math.floor(20 * 86_400e6 * random.uniform()),
  subject: ["big sale", "new news", ""][random.below(3)],
}));
const spec = specOf([
  { name: "x", type: "numeric", bins: 5 },
  { name: "z", type: "numeric" },
  { name: "c", type: "categorical" },
  { name: "hashed", type: "categorical", hash: 8 },
  { name: "size", type: "ordinal", levels: ["small", "medium", "large"] },
  { name: "at", type: "time", parts: ["hour", "weekday", "age"] },
  { name: "subject", type: "words" },
]);

Deno.test("the rates of curves, counted from the values of the rows, are those that the training counted", async () => {
  await withStore(tableOf(Object.keys(rows[0]).slice(1)), async ({ store }) => {
    insertRows(store, rows);
    const hyperParameters = { ...defaultHyperParameters };
    const { metadata, report } = await trainModel(store, { spec, hyperParameters, threads: 1, now: 0 });
    assert.ok(report);
    const { threads, budget, close } = openTrainingResources(store, { threads: 1 });
    const id = "cw-0123456789abcdef";
    const input = { is: "store", store, threads, budget, heldOut: heldOutRows(id, metadata) } as const;
    const options = { resamples: 2, seed: 1, slices: [], byTime: false, thresholds: [], lenient: false };
    const { values, evaluation } = await evaluateRows(input, { id, metadata }, options);
    close();
    assert.equal(evaluation.rows, metadata.data.rows.test);
    assert.equal(evaluation.metrics.log_loss.value?.toFixed(12), metadata.metrics.log_loss?.toFixed(12));
    const recounted = recountedCurves(report.curves, metadata.encoder, values);
    const countsOf = ({ parts }: FieldCurve) =>
      parts.map((
        { name, evaluated: { rows, clicks, predicted } },
      ) => [name, rows, clicks, predicted.toFixed(9)]);
    for (const [i, curve] of report.curves.entries()) {
      if (curve.type !== "words") assert.deepEqual(countsOf(recounted[i]), countsOf(curve), curve.field);
      // A text has several words: the page then says whose rates it shows.
      else assert.ok(recounted[i].parts.every(({ evaluated }) => evaluated.rows === 0));
    }
    assert.equal(report.curves.length, 9);
  });
});

Deno.test("the report of an evaluation of a model without one has what the model's files say", () => {
  const report = reportWithoutTraining({ id: "cw-0123456789abcdef", metadata }, {
    evaluation,
    rows: "files",
  });
  assert.equal(parseReport(formatReport(report), report.model_id).model_id, report.model_id, "its shape");
  assert.equal(report.coefficients.in_all, metadata.coefficients.length);
  const sizes = report.coefficients.shown.map(({ value }) => Math.abs(value));
  assert.deepEqual(sizes, sizes.toSorted((a, b) => b - a));
  assert.deepEqual([report.curves, report.data.fields, report.notes], [[], [], metadata.notes]);
});
