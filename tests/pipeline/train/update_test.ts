import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseReport } from "../../../pipeline/report/report_file.ts";
import { renderReport } from "../../../pipeline/report_page/render_report.ts";
import { artifactId } from "../../../pipeline/model/artifact.ts";
import { readArtifact } from "../../../pipeline/model/artifact_folder.ts";
import { createPasses } from "../../../pipeline/fit/passes.ts";
import { evaluatePoint } from "../../../pipeline/fit/penalised.ts";
import { packPrecision, unpackPrecision } from "../../../pipeline/model/packed_precision.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import type { HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import type { TrainReport } from "../../../pipeline/train/register.ts";
import { update } from "../../../pipeline/train/update.ts";
import { assertAllClose, assertClose } from "../../support/assert_close.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { alone, encodeRows, type ExampleRow, specOf } from "../../support/example_rows.ts";
import {
  insertRows,
  modelsOf,
  tableOf,
  type TempStore,
  trainOn,
  withStore,
} from "../../support/temp_store.ts";

const spec = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }]);
const columns = ["who", "clicked", "x", "c"];

const rows: readonly ExampleRow[] = (() => {
  const random = createRandom(12);
  return Array.from({ length: 4000 }, (_, id) => {
    const [x, c] = [4 * random.uniform() - 2, ["a", "b", "c"][random.below(3)]];
    const rate = 1 / (1 + Math.exp(-(0.7 * x + (c === "a" ? 0.8 : -0.4))));
    return { id, who: `who-${id}`, clicked: random.uniform() < rate ? 1 : 0, x, c };
  });
})();
const [old, recent] = [rows.slice(0, 3000), rows.slice(3000)];

/** Trains on the old rows, then continues on the recent ones. */
function withUpdate(
  use: (made: TempStore, before: TrainReport, after: TrainReport) => Promise<void>,
  hyperParameters: Partial<HyperParameters> = {},
  threads = 1,
): Promise<void> {
  return withStore(tableOf(columns), async (made) => {
    insertRows(made.store, old);
    const before = await trainOn(made, spec, { testShare: 0, ...hyperParameters });
    insertRows(made.store, recent);
    const after = await update(made.store, modelsOf(made), before.artifact, { threads, now: 5 });
    await use(made, before, after);
  });
}

Deno.test("update: a model updated with new rows is close to one trained on all rows", () =>
  withUpdate(async (made, before, after) => {
    const whole = (await trainOn(made, spec, { testShare: 0 })).artifact.metadata;
    const distance = (report: TrainReport) =>
      Math.hypot(...report.artifact.metadata.coefficients.map((value, j) => value - whole.coefficients[j]));
    assert(distance(after) < 0.02, `the distance is ${distance(after)}`);
    assert(distance(before) > 2 * distance(after), "the update must bring the model closer");
  }));

Deno.test("update: the new model names the old one, counts its rows and keeps its encoder", () =>
  withUpdate(async (made, before, after) => {
    const { metadata } = after.artifact;
    assert.notEqual(after.model.modelId, before.model.modelId);
    assert.deepEqual([after.model.version, after.active], [2, false]);
    assert.equal((await made.registry.activeModel())?.modelId, before.model.modelId);
    assert.equal(metadata.update?.from, before.model.modelId);
    assert.equal(metadata.update?.rows, recent.length);
    const allUsed = { left_out: 0, no_label: 0, zero_weight: 0 };
    assert.deepEqual(metadata.data.rows, { train: 4000, test: 0, read: 4000, ...allUsed });
    assert.equal(metadata.data.clicks.train, rows.filter(({ clicked }) => clicked === 1).length);
    assert.equal(metadata.data.last_id, "3999");
    assert.deepEqual(metadata.encoder, before.artifact.metadata.encoder);
    assert.equal(metadata.golden.length, 8);
    assert.deepEqual(readArtifact(made.modelsDir, after.model.modelId).metadata, metadata);
  }));

Deno.test("update: its metrics are those of the new rows, each predicted before it was fitted", () =>
  withUpdate((_made, _before, { artifact: { metadata } }) => {
    const { calibration, log_loss, base_log_loss } = metadata.metrics;
    assert.equal(calibration.reduce((sum, { rows }) => sum + rows, 0), recent.length);
    assert(log_loss < base_log_loss);
    assertClose(log_loss, metadata.update?.log_loss_unchanged ?? NaN, 0.01, "log loss");
    assert(metadata.solver.gradientMax <= 1e-10);
    assert.equal(metadata.solver.criterion, "step");
    assert((metadata.solver.step ?? NaN) <= 1e-9);
    return Promise.resolve();
  }));

Deno.test("update: the report is of the new rows, each predicted before it was fitted", () =>
  withUpdate(async (made, _before, { artifact: { metadata, id } }) => {
    const report = parseReport(Deno.readFileSync(join(made.modelsDir, id, "report.json")), id);
    const { rows, evaluation, curves, data, trace } = report;
    assert.equal(rows, "new");
    assert.equal(evaluation.rows, recent.length);
    assertClose(evaluation.metrics.log_loss.value ?? NaN, metadata.metrics.log_loss, 1e-6, "log loss");
    for (const { parts } of curves) {
      assert.equal(parts.reduce((sum, { evaluated }) => sum + evaluated.rows, 0), recent.length);
    }
    assert.equal(data.rows.train + data.rows.test, 4000);
    assert.ok(trace.length > 0);
    assert.match(renderReport(report).html, /1,000 rows: new rows, each of which was predicted before/);
    await Promise.resolve();
  }, { testShare: 0.2 }));

Deno.test("update: new rows of one label are learned, without a report", () =>
  withStore(tableOf(columns), async (made) => {
    insertRows(made.store, old);
    const { artifact } = await trainOn(made, spec, { testShare: 0 });
    insertRows(made.store, recent.map((row) => ({ ...row, clicked: 1 })));
    const { model } = await update(made.store, modelsOf(made), artifact, { threads: 1, now: 5 });
    assert.ok(existsSync(join(made.modelsDir, model.modelId, "model.json")));
    assert.ok(!existsSync(join(made.modelsDir, model.modelId, "report.json")));
  }));

Deno.test("update: any number of threads gives the same bytes", async () => {
  const ids: string[] = [];
  for (const threads of [1, 3]) {
    await withUpdate(
      (_made, _before, { artifact }) => {
        ids.push(artifactId(artifact.metadata));
        return Promise.resolve();
      },
      {},
      threads,
    );
  }
  assert.equal(ids[0], ids[1]);
});

Deno.test("update: an updated model can be updated again", () =>
  withUpdate(async (made, _before, after) => {
    insertRows(
      made.store,
      rows.slice(0, 200).map((row, i) => ({ ...row, id: 10_000 + i, who: `later-${i}` })),
    );
    const { artifact } = await update(made.store, modelsOf(made), after.artifact, { threads: 1, now: 6 });
    assert.equal(artifact.metadata.update?.from, after.model.modelId);
    assert.equal(artifact.metadata.data.rows.train, 4200);
    assert.equal((await made.registry.listModels()).length, 3);
  }));

Deno.test("update: without new rows it fails", () =>
  withUpdate((made, _before, after) =>
    assertRejected(
      update(made.store, modelsOf(made), after.artifact, { threads: 1, now: 6 }),
      "examples-invalid",
      /no rows after id 3999.*clickwell ingest/,
    )
  ));

for (
  const [what, settings] of [
    ["with an l1 penalty", { penalty: "l1" }],
    ["with class weights", { classWeight: "balanced" }],
    ["by another solver", { solver: "lbfgs" }],
    ["by mini-batches", { optimizer: "adam", epochs: 1 }],
  ] as const
) {
  Deno.test(`update: a model trained ${what} cannot be continued, and the failure says why`, () =>
    assertRejected(
      withUpdate(() => Promise.resolve(), settings),
      "usage-invalid",
      /cannot be continued: it keeps no precision of its coefficients, because it was (trained|fitted) .*(l1|balanced|lbfgs|adam).*on all rows/,
    ));
}

Deno.test("update: with text ids it fails, since new rows cannot be identified", () =>
  withStore(tableOf(columns, { id: "id TEXT NOT NULL PRIMARY KEY" }), async (made) => {
    insertRows(made.store, old.slice(0, 300).map((row) => ({ ...row, id: `row ${row.id}` })));
    const { artifact } = await trainOn(made, spec);
    await assertRejected(
      update(made.store, modelsOf(made), artifact, { threads: 1, now: 6 }),
      "usage-invalid",
      /its ids \(id\) are not integers.* Train on all rows with clickwell train; or give the view an INTEGER id/,
    );
  }));

Deno.test("precision: a symmetric matrix is unpacked from its text bit for bit; another size is rejected", () => {
  const precision = Float64Array.of(1, 0.1, -5e-324, 0.1, 2, 1e300, -5e-324, 1e300, 3);
  const text = packPrecision(precision);
  assert.deepEqual(unpackPrecision(text, 3), precision);
  assert.equal(unpackPrecision(text, 4), undefined);
  assert.equal(unpackPrecision("not base64!", 3), undefined);
});

Deno.test("penalised: with a prior, the gradient and the Hessian are the slopes of the objective", async () => {
  const { design } = encodeRows(spec, rows.slice(0, 120));
  const passes = await createPasses(design, [0], alone);
  const size = design.columnCount + 1;
  const random = createRandom(2);
  const draw = () => Float64Array.from({ length: size }, () => random.uniform() - 0.5);
  const [mean, point, factor] = [draw(), draw(), draw()];
  const precision = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) precision[i * size + j] = 30 * factor[i] * factor[j] + (i === j ? 5 : 0);
  }
  for (
    const penalty of [{ l2: 3, l1: 0 }, { l2: 0, l1: 0, prior: { mean, precision } }, {
      l2: 2,
      l1: 0,
      prior: { mean, precision },
    }]
  ) {
    const at = (coefficients: Float64Array) => evaluatePoint(passes, "all", coefficients, { penalty }, true);
    const { gradient, hessian = new Float64Array() } = await at(point);
    for (let j = 0; j < size; j++) {
      const step = 1e-5;
      const shifted = (share: number) => point.map((value, i) => i === j ? value + share * step : value);
      const [up, down] = [await at(shifted(1)), await at(shifted(-1))];
      assertClose(gradient[j], (up.objective - down.objective) / (2 * step), 1e-7, `gradient[${j}]`);
      const slopes = up.gradient.map((value, i) => (value - down.gradient[i]) / (2 * step));
      assertAllClose(hessian.filter((_, k) => k % size === j), slopes, 1e-7, `column ${j} of the Hessian`);
    }
  }
});

Deno.test("update: a category is read by the type that its column had in training", () =>
  withStore(tableOf(columns), async (made) => {
    const texts = old.map((row, i) => ({ ...row, c: ["12", "012", "none"][i % 3] }));
    insertRows(made.store, texts);
    const before = await trainOn(made, spec, { testShare: 0 });
    const [, c] = before.artifact.metadata.encoder.features;
    assert(c.type === "categorical");
    assert.deepEqual([c.values, c.levels], ["text", ["012", "12", "none"]]);
    // Without the type from training, these would be numbers, and 012 would be 12.
    insertRows(made.store, recent.map((row, i) => ({ ...row, c: ["012", 12][i % 2] })));
    const after = await update(made.store, modelsOf(made), before.artifact, { threads: 1, now: 5 });
    const golden = after.artifact.metadata.golden.map(({ features }) => features.c);
    assert(golden.includes("012") && golden.includes("12"));
    const moved = after.artifact.metadata.coefficients.map((value, j) =>
      value - before.artifact.metadata.coefficients[j]
    );
    assert(moved[c.column] !== 0 && moved[c.column + 1] !== 0);
  }));
