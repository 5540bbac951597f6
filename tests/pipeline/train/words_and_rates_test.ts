import assert from "node:assert/strict";
import { artifactId } from "../../../pipeline/model/artifact.ts";
import { readArtifact } from "../../../pipeline/model/artifact_folder.ts";
import { writeArtifact } from "../../support/written_artifact.ts";
import { parseMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import type { ArtifactMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { layersModel, weightsOf } from "../../../pipeline/model/layers_model.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { featureEffects } from "../../../pipeline/train/feature_effects.ts";
import { trainModel, type TrainOptions } from "../../../pipeline/train/train.ts";
import { update } from "../../../pipeline/train/update.ts";
import { encodeRows, type ExampleRow, specOf } from "../../support/example_rows.ts";
import { assertFailure } from "../../support/expected_failure.ts";
import { insertRows, modelsOf, tableOf, trainOn, withStore } from "../../support/temp_store.ts";

const columns = ["who", "clicked", "subject", "zip", "lender", "x"];
const table = tableOf(columns);
const spec = specOf([
  { name: "subject", type: "words", minCount: 3 },
  { name: "x", type: "numeric" },
  { name: "zip", type: "rate" },
  { name: "lender", type: "categorical" },
], { rates: [{ of: ["lender", "zip"], prior: 5 }], crosses: [{ of: ["lender", "zip"], minCount: 8 }] });

const words = ["sale", "free", "news", "für", "dich", "50", "off", "invoice"];

/** Rows whose label depends on the words and on a hidden rate of the zip. @param first Id of the first row. */
function drawRows(rowCount: number, first = 0): ExampleRow[] {
  const random = createRandom(77 + first);
  return Array.from({ length: rowCount }, (_, i) => {
    const zip = `z${random.below(60)}`;
    const subject = Array.from({ length: random.below(5) }, () => words[random.below(words.length)]).join(
      " ",
    );
    const score = (subject.includes("free") ? 300 : 100) + (Number(zip.slice(1)) % 5) * 110;
    return {
      id: first + i,
      who: `who-${(first + i) >> 1}`,
      clicked: random.below(1000) < score ? 1 : 0,
      subject: random.below(20) === 0 ? null : subject,
      zip: random.below(30) === 0 ? null : zip,
      lender: random.below(4),
      x: random.below(100) / 10,
    };
  });
}

async function metadataOf(
  rows: readonly ExampleRow[],
  options: Partial<TrainOptions> & { settings?: Partial<HyperParameters> } = {},
): Promise<ArtifactMetadata> {
  const { settings, ...own } = options;
  return await withStore(table, async ({ store }) => {
    insertRows(store, rows);
    const hyperParameters = { ...defaultHyperParameters, ...settings };
    return (await trainModel(store, { spec, hyperParameters, threads: 1, now: 0, ...own })).metadata;
  });
}

const rows = drawRows(2_000);
const trained = await metadataOf(rows);

Deno.test("words and rates: any number of threads and any memory give the same model", async () => {
  const id = artifactId(trained);
  assert.equal(artifactId(await metadataOf(rows, { threads: 3 })), id);
  assert.equal(artifactId(await metadataOf(rows, { threads: 2, memoryBytes: 1 })), id);
});

Deno.test("words and rates: a model on disk is the one that was trained, and explains its golden rows", () =>
  withStore(table, ({ modelsDir }) => {
    const { id, metadata } = writeArtifact(modelsDir, trained);
    assert.deepEqual(readArtifact(modelsDir, id).metadata, metadata);
    assert.deepEqual(metadata, JSON.parse(JSON.stringify(trained)));
    assert.ok(metadata.golden.some(({ features }) => typeof features.subject === "string"));
  }));

Deno.test("words: a text for each row is no id of the rows, as a category of such levels is", async () => {
  const texts = rows.map((row) => ({ ...row, subject: `${row.subject} no. ${row.id}` }));
  const kindsOf = async (type: string) => {
    const { warnings = [] } = await metadataOf(texts, { spec: specOf([{ name: "subject", type }]) });
    // The texts say nothing about the outcome, which is another warning.
    return warnings.map(({ kind }) => kind).filter((kind) => kind !== "no-gain");
  };
  assert.deepEqual(await kindsOf("words"), []);
  assert.deepEqual(await kindsOf("categorical"), ["level-per-row"]);
});

Deno.test("words and rates: they predict better than the fields without them", async () => {
  const plain = specOf([{ name: "x", type: "numeric" }, { name: "lender", type: "categorical" }]);
  const { metrics } = await metadataOf(rows, { spec: plain });
  assert.ok(trained.metrics.log_loss < metrics.log_loss - 0.02, `${trained.metrics.log_loss}`);
});

Deno.test("rates: a field that says nothing is not trusted, however many levels it has", async () => {
  const random = createRandom(5);
  const noise = rows.map((row) => ({ ...row, zip: `z${random.below(900)}`, clicked: random.below(2) }));
  const rateOnly = specOf([{ name: "zip", type: "rate" }]);
  const { coefficients, metrics } = await metadataOf(noise, { spec: rateOnly });
  // With the row's own label in it, the rate of a level of two rows would get a coefficient of about 10.
  assert.ok(Math.abs(coefficients[0]) < 1.5, `${coefficients}`);
  assert.ok(metrics.log_loss < metrics.base_log_loss + 0.01, `${metrics.log_loss}`);
});

Deno.test("words and rates: mini-batches, hidden layers and sampling train on them, too", async () => {
  for (
    const settings of [
      { negatives: 0.5, classWeight: "balanced" },
      { optimizer: "adam", epochs: 2, hidden: "4", batchSize: 64, learningRate: 0.01, patience: 0 },
      { penalty: "l1", C: 0.5 },
      { penalty: "none" },
    ] as const
  ) {
    const { metrics, golden } = await metadataOf(rows, { settings });
    assert.ok(metrics.log_loss < metrics.base_log_loss + 0.05, JSON.stringify(settings));
    assert.ok(golden.length > 0);
  }
});

Deno.test("words and rates: a model continues on new rows, with its own words and rates", () =>
  withStore(table, async (made) => {
    insertRows(made.store, rows);
    const { artifact } = await trainOn(made, spec);
    insertRows(made.store, drawRows(500, 2_000));
    const report = await update(made.store, modelsOf(made), artifact, { threads: 1, now: 0 });
    assert.deepEqual(report.artifact.metadata.encoder, artifact.metadata.encoder);
    assert.equal(report.artifact.metadata.update?.rows, 500);
  }));

Deno.test("rates: rows without a time, and rows that have decayed to nothing, leave a model that can be read", () =>
  withStore(tableOf([...columns, "at"]), async (made) => {
    const year = 365 * 86_400e6;
    const timed = rows.map((row, i) => ({
      ...row,
      at: i % 7 === 0 ? null : 1.6e15 + (i % 2) * 3 * year + i,
      zip: i % 7 === 0 ? "untimed" : i % 2 === 0 ? "old" : "new",
    }));
    insertRows(made.store, timed);
    const own = specOf([{ name: "zip", type: "rate", halfLife: "1h" }], { time: "at" });
    const { artifact } = await trainOn(made, own);
    const [rate] = artifact.metadata.encoder.rates ?? [];
    const sumOf = (zip: string) =>
      rate.rows[
        artifact.metadata.encoder.features.flatMap((feature) =>
          feature.type === "rate" ? [feature.levels.indexOf(zip)] : []
        )[0]
      ];
    assert.deepEqual([sumOf("untimed"), sumOf("old")], [0, 0]);
    assert.ok(sumOf("new") > 1);
    assert.deepEqual(readArtifact(made.modelsDir, artifact.id).metadata, artifact.metadata);
  }));

/** Rows with a time, in an order that is not that of their ids. */
function timedRows(rowCount: number, first = 0): ExampleRow[] {
  return drawRows(rowCount, first).map((row, i) => ({
    ...row,
    at: i % 40 === 0 ? null : 1.7e15 + ((first + i) * 7919 % 2_503) * 3_600e6,
  }));
}

Deno.test("half-life: threads and memory do not change the model, new rows continue it, and held-out rows may be later", () =>
  withStore(tableOf([...columns, "at"]), async (made) => {
    const own = specOf([{ name: "zip", type: "rate", halfLife: "20d" }, { name: "x", type: "numeric" }], {
      time: "at",
      rates: [{ of: ["zip"], halfLife: "40d", prior: 5 }],
    });
    insertRows(made.store, timedRows(2_000));
    const { artifact } = await trainOn(made, own);
    for (const options of [{ threads: 3 }, { threads: 2, memoryBytes: 1 }]) {
      assert.equal((await trainOn(made, own, {}, options)).artifact.id, artifact.id);
    }
    const both = await trainOn(made, own, { split: "both" });
    assert.notEqual(both.artifact.id, artifact.id);
    assert.ok(both.artifact.metadata.golden.some(({ features }) => features.at === null));
    insertRows(made.store, timedRows(500, 2_000));
    const report = await update(made.store, modelsOf(made), artifact, { threads: 1, now: 0 });
    assert.deepEqual(report.artifact.metadata.encoder.rates, artifact.metadata.encoder.rates);
  }));

Deno.test("rates: a rate counts towards the last of its fields in what matters most", () => {
  const { encoder, design } = encodeRows(spec, rows);
  const coefficients = new Float64Array(encoder.columnCount + 1);
  coefficients[encoder.columnCount - 1] = 1;
  const effects = featureEffects(design, encoder, coefficients).map((
    { feature, effect },
  ) => [feature, effect > 0]);
  assert.deepEqual(effects[0], ["lender", true]);
  assert.ok(effects.slice(1).every(([, isAny]) => !isAny), JSON.stringify(effects));
});

Deno.test("rates: an artifact whose rates do not fit its fields is rejected", () => {
  const [first, ...others] = trained.encoder.rates ?? [];
  for (
    const rates of [
      [],
      [{ ...first, column: first.column + 1 }, ...others],
      [{ ...first, rows: first.rows.slice(1) }, ...others],
      [{ ...first, keys: first.keys.toReversed() }, ...others],
      [{ ...first, of: ["nothing"] }, ...others],
      [{ ...first, keys: first.keys.map((key) => key + 1000) }, ...others],
    ]
  ) {
    const damaged = { ...trained, encoder: { ...trained.encoder, rates } };
    const text = JSON.stringify(layersModel(damaged, weightsOf(damaged)));
    assertFailure(
      () => parseMetadata(new TextEncoder().encode(text), "cw-test"),
      "artifact-corrupt",
      /columns/,
    );
  }
});

Deno.test("words and rates: the answer to a row is the same in every spelling of a category", () => {
  const predictor = createPredictor(trained);
  const row = { subject: "FREE für Dich!", x: 1, zip: "z3", lender: 2 };
  const logit = predictor.logit(row, createFindings());
  assert.equal(
    predictor.logit({ ...row, lender: "2", subject: "dich FREE, fu\u0308r" }, createFindings()),
    logit,
  );
  assert.notEqual(predictor.logit({ ...row, zip: "z4" }, createFindings()), logit);
});
