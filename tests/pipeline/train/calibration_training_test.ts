import assert from "node:assert/strict";
import { testPart, trainTestSplit } from "../../../pipeline/examples/split.ts";
import { minibatchParameters } from "../../../pipeline/fit/minibatch/options.ts";
import { jsScorer, requireAgreement } from "../../../pipeline/export/js_scorer.ts";
import { hashOf } from "../../../pipeline/math/hash.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { artifactId } from "../../../pipeline/model/artifact.ts";
import { readArtifact } from "../../../pipeline/model/artifact_folder.ts";
import { writeArtifact } from "../../support/written_artifact.ts";
import { type ArtifactMetadata, parseMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { createCalibration } from "../../../pipeline/model/calibration_map.ts";
import { createColumnPredictor } from "../../../pipeline/model/column_predictor.ts";
import { createExplainer } from "../../../pipeline/model/explanation.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { unpackPrecision } from "../../../pipeline/model/packed_precision.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { trainModel, type TrainOptions } from "../../../pipeline/train/train.ts";
import { update } from "../../../pipeline/train/update.ts";
import { assertAllClose, assertClose } from "../../support/assert_close.ts";
import { type ExampleRow, specOf } from "../../support/example_rows.ts";
import { assertRejected } from "../../support/expected_failure.ts";
import { inFolder } from "../../support/program.ts";
import { insertRows, modelsOf, tableOf, trainOn, withStore } from "../../support/temp_store.ts";

const columns = ["who", "clicked", "x", "c"];
const spec = specOf([{ name: "x", type: "numeric" }, { name: "c", type: "categorical" }]);
/** So weak that levels of few rows are believed: the log-odds of other rows are too far from the middle. */
const overfitting = { C: 30 };

/** Rows with a level that says nothing. @param levelCount 1: a model of x alone fits. */
function drawRows(rowCount: number, levelCount: number, seed = 4): ExampleRow[] {
  const random = createRandom(seed);
  return Array.from({ length: rowCount }, (_, id) => {
    const x = 4 * random.uniform() - 2;
    const clicked = random.uniform() < 1 / (1 + Math.exp(1 - 0.8 * x)) ? 1 : 0;
    return { id, who: `who-${id >> 1}`, clicked, x, c: `level ${random.below(levelCount)}` };
  });
}
const rows = drawRows(5_000, 480);

async function metadataOf(
  own: readonly ExampleRow[],
  settings: Partial<HyperParameters> = {},
  options: Partial<TrainOptions> = {},
): Promise<ArtifactMetadata> {
  return await withStore(tableOf(columns), async ({ store }) => {
    insertRows(store, own);
    const hyperParameters = { ...defaultHyperParameters, ...settings };
    return (await trainModel(store, { spec, hyperParameters, threads: 1, now: 0, ...options })).metadata;
  });
}

function findingsOf(fieldCount: number) {
  return {
    unseen: Array.from({ length: fieldCount }, (): number[] => []),
    missing: new Float64Array(fieldCount),
  };
}

const [plain, platt, isotonic] = await Promise.all([
  metadataOf(rows, overfitting),
  metadataOf(rows, { ...overfitting, calibrate: "platt" }),
  metadataOf(rows, { ...overfitting, calibrate: "isotonic" }),
]);

Deno.test("calibration: a platt map is part of the coefficients, and of their precision", () => {
  const { calibration } = platt;
  assert.equal(calibration?.method, "platt");
  if (calibration?.method !== "platt") return;
  const { slope, intercept } = calibration;
  assert.ok(slope > 0.2 && slope < 0.9, `slope ${slope}`);
  assertAllClose(platt.coefficients, plain.coefficients.map((value) => slope * value), 1e-15, "coefficients");
  assertClose(platt.intercept, slope * plain.intercept + intercept, 1e-15, "intercept");
  const size = plain.coefficients.length + 1;
  const precisionOf = ({ precision = "" }: ArtifactMetadata) =>
    unpackPrecision(precision, size) ?? new Float64Array();
  assertAllClose(
    precisionOf(platt),
    precisionOf(plain).map((value) => value / slope ** 2),
    1e-12,
    "precision",
  );
  assert.deepEqual(platt.solver, plain.solver, "the certificate is of the fit before the map");
  assert.equal(platt.hyperParameters.calibrate, "platt");
});

Deno.test("calibration: an isotonic map is applied to the log-odds, alone, by columns and in explanations", () => {
  const { calibration } = isotonic;
  assert.equal(calibration?.method, "isotonic");
  if (calibration?.method !== "isotonic") return;
  assert.deepEqual(isotonic.coefficients, plain.coefficients);
  const [predictor, before] = [createPredictor(isotonic), createPredictor(plain)];
  const [calibrated, explain] = [createCalibration(calibration), createExplainer(isotonic)];
  const sent = rows.slice(0, 200).map(({ x, c }) => ({ x, c }));
  const expected = sent.map((row) => calibrated(before.logit(row, createFindings())));
  assert.deepEqual(sent.map((row) => predictor.logit(row, createFindings())), expected);
  const byColumns = createColumnPredictor(isotonic)?.(
    predictor.fields.map(({ name }) => sent.map((row) => name === "x" ? row.x : row.c)),
    sent.length,
    findingsOf(predictor.fields.length),
  );
  assert.deepEqual([...byColumns ?? []], expected);
  sent.forEach((row, i) => {
    const { logit, uncalibrated, intercept, contributions, calibration: added = NaN } = explain(row);
    assert.equal(logit, expected[i]);
    assertClose(contributions.reduce((sum, part) => sum + part, intercept), uncalibrated, 1e-12, "the parts");
    assertClose(uncalibrated + added, logit, 1e-12, "the parts with the map's");
  });
});

Deno.test("calibration: held-out rows are predicted better by either map, and show that the model without one is off", () => {
  for (const calibrated of [platt, isotonic]) {
    const [now, before] = [calibrated.metrics, plain.metrics];
    assert.ok(now.log_loss < before.log_loss - 0.01, `${now.log_loss}, before ${before.log_loss}`);
    assertClose(now.auc ?? 0, before.auc ?? 1, 1e-12, "the AUC");
    const { log_loss_before, log_loss_after } = calibrated.calibration ?? {};
    assert.ok((log_loss_after ?? 1) < (log_loss_before ?? 0));
  }
  const noteOf = ({ notes }: ArtifactMetadata) => notes.find((note) => note.includes("calibration is off"));
  assert.match(noteOf(plain) ?? "", /log-odds times 0\.\d+ would fit best\. --calibrate auto/);
  assert.equal(noteOf(platt), undefined);
  assert.equal(noteOf(isotonic), undefined);
});

Deno.test("calibration: the labels of held-out rows are not used", async () => {
  const { partOf } = trainTestSplit(defaultHyperParameters);
  const isHeldOut = ({ who, clicked }: ExampleRow) => partOf(hashOf(who), Number(clicked), 0) === testPart;
  assert.ok(rows.some(isHeldOut));
  const flipped = rows.map((row) => isHeldOut(row) ? { ...row, clicked: 1 - Number(row.clicked) } : row);
  for (const made of [platt, isotonic]) {
    const method = made.calibration?.method ?? "auto";
    const { calibration, metrics } = await metadataOf(flipped, { ...overfitting, calibrate: method });
    assert.deepEqual(calibration, made.calibration);
    assert.notEqual(metrics.log_loss, made.metrics.log_loss);
  }
});

Deno.test("calibration: auto takes the map that out-of-fold rows show to be better, and is then repeated by its name", async () => {
  const auto = await metadataOf(rows, { ...overfitting, calibrate: "auto" });
  assert.ok(auto.calibration);
  const named = auto.calibration.method === "platt" ? platt : isotonic;
  assert.equal(artifactId(auto), artifactId(named));
  assert.ok(
    auto.calibration.log_loss_after <= Math.min(
      ...[platt, isotonic].map(({ calibration }) => (calibration?.log_loss_after ?? 0) + 0.002),
    ),
  );
});

Deno.test("calibration: auto keeps a calibrated model to the byte, and no note says that it is off", async () => {
  const good = drawRows(3_000, 1);
  const [auto, none] = [await metadataOf(good, { calibrate: "auto" }), await metadataOf(good)];
  assert.equal(auto.calibration, undefined);
  assert.equal(artifactId(auto), artifactId(none));
  assert.deepEqual(none.notes.filter((note) => note.includes("calibrat")), []);
});

Deno.test("calibration: threads and memory do not change the bytes, with early stopping, sampling, class weights and no penalty", async () => {
  const minibatch = minibatchParameters({
    optimizer: "adam",
    hidden: "8",
    epochs: 4,
    learningRate: 0.05,
    patience: 2,
  });
  const cases: Partial<HyperParameters>[] = [
    { ...overfitting, calibrate: "isotonic", negatives: 0.7 },
    { ...overfitting, calibrate: "platt", classWeight: "balanced", testShare: 0 },
    { penalty: "none", calibrate: "platt" },
    { ...minibatch, calibrate: "platt" },
  ];
  for (const settings of cases) {
    const own = settings.penalty === "none" ? drawRows(3_000, 8) : rows;
    const one = await metadataOf(own, settings);
    const many = await metadataOf(own, settings, { threads: 3, memoryBytes: 1 });
    assert.equal(one.calibration?.method, settings.calibrate, JSON.stringify(settings));
    assert.equal(artifactId(many), artifactId(one), JSON.stringify(settings));
  }
});

Deno.test("calibration: a model with hidden layers is calibrated, and its golden examples are of what it serves", () =>
  inFolder(async (folder) => {
    const minibatch = minibatchParameters({
      optimizer: "adam",
      hidden: "16",
      epochs: 15,
      learningRate: 0.03,
    });
    const [before, after] = [
      await metadataOf(rows, minibatch),
      await metadataOf(rows, { ...minibatch, calibrate: "auto" }),
    ];
    assert.equal(after.calibration?.method, "platt");
    assert.ok(after.metrics.log_loss < before.metrics.log_loss);
    const { id } = writeArtifact(folder, after);
    assert.deepEqual(readArtifact(folder, id).metadata.calibration, after.calibration);
  }));

Deno.test("calibration: found tables are calibrated by the out-of-fold rows of their search, alone, by columns, and in score.js", async () => {
  const own = drawRows(3_000, 5).map((row): ExampleRow => ({
    ...row,
    // A curve and an interaction, which the plain spec lacks.
    clicked: Number(row.clicked) ^ (row.c === "level 1" && Math.abs(Number(row.x)) < 1 ? 1 : 0),
  }));
  const found = await metadataOf(own, { features: "auto", calibrate: "isotonic" });
  const { calibration, encoder } = found;
  assert.ok(encoder.tables && calibration?.method === "isotonic");
  // 20,000 divided by the training rows: see decision 0052.
  assert.equal(calibration.folds, 8);
  assert.deepEqual([found.hyperParameters.features, found.hyperParameters.calibrate], ["found", "isotonic"]);
  const predictor = createPredictor(found);
  const sent = own.slice(0, 300).map(({ x, c }) => ({ x: x as number, c: c as string }));
  const alone = sent.map((row) => predictor.logit(row, createFindings()));
  const { calibration: _, ...uncalibrated } = found;
  const [before, calibrated] = [createPredictor(uncalibrated), createCalibration(calibration)];
  assert.deepEqual(alone, sent.map((row) => calibrated(before.logit(row, createFindings()))));
  const byColumns = createColumnPredictor(found)?.(
    predictor.fields.map(({ name }) => sent.map((row) => name === "x" ? row.x : row.c)),
    sent.length,
    findingsOf(predictor.fields.length),
  );
  if (byColumns) assert.deepEqual([...byColumns], alone);
  sent.forEach((row, i) => assert.equal(createExplainer(found)(row).logit, alone[i]));
  requireAgreement(found, jsScorer(found, "a test"));
  const byDefault = await metadataOf(own, { features: "auto" });
  const { method } = byDefault.calibration ?? {};
  assert.equal(byDefault.hyperParameters.calibrate, method);
  const none = await metadataOf(own, { features: "auto", calibrate: "none" });
  assert.deepEqual([none.calibration, none.hyperParameters.calibrate], [undefined, "none"]);
});

Deno.test("calibration: a model with an isotonic map cannot be continued, one with a platt map can", () =>
  withStore(tableOf(columns), async (made) => {
    insertRows(made.store, rows.slice(0, 2_000));
    const steps = { ...overfitting, testShare: 0 };
    const first = await trainOn(made, spec, { ...steps, calibrate: "platt" });
    const second = await trainOn(made, spec, { ...steps, calibrate: "isotonic" });
    insertRows(made.store, rows.slice(2_000));
    const options = { threads: 1, now: 5 };
    const { artifact } = await update(made.store, modelsOf(made), first.artifact, options);
    const { metrics, update: { log_loss_unchanged: unchanged } = { log_loss_unchanged: 0 } } =
      artifact.metadata;
    assert.ok(metrics.log_loss < unchanged + 0.01, `${metrics.log_loss}, unchanged ${unchanged}`);
    await assertRejected(
      update(made.store, modelsOf(made), second.artifact, options),
      "usage-invalid",
      /isotonic calibration .* --calibrate platt/,
    );
  }));

Deno.test("calibration: folds of one label fail by name, and auto says that the model is not calibrated", async () => {
  const few = drawRows(12, 1).map((row, i) => ({
    ...row,
    clicked: i === 0 || i === 11 ? 1 : 0,
    who: `w${i}`,
  }));
  await assertRejected(
    metadataOf(few, { calibrate: "platt", testShare: 0 }),
    "examples-invalid",
    /Cannot fit the map of --calibrate platt: .*fold .* of 5.*--calibrate none/,
  );
  const { calibration, notes } = await metadataOf(few, { calibrate: "auto", testShare: 0 });
  assert.equal(calibration, undefined);
  assert.ok(notes.some((note) => note.startsWith("not calibrated: ")), notes.join("\n"));
});

Deno.test("calibration: a map whose points do not ascend is a damaged model", () => {
  const parse = (calibration: unknown) =>
    parseMetadata(
      new TextEncoder().encode(JSON.stringify({ userDefinedMetadata: { ...isotonic, calibration } })),
      "cw-0123456789abcdef",
    );
  assert.ok(parse(isotonic.calibration));
  for (const change of [{ logits: [1, 0] }, { logits: [0, 0], log_odds: [0, 1] }, { log_odds: [1, 2, 3] }]) {
    const shortened = { ...isotonic.calibration, logits: [0, 1], log_odds: [0, 1], ...change };
    assert.throws(() => parse(shortened), /calibration/);
  }
});
