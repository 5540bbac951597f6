import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { createFolderStore, readArtifact } from "../../../pipeline/model/artifact_folder.ts";
import { parseMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { Failure } from "../../../pipeline/failure.ts";
import type { Models } from "../../../pipeline/model/registry.ts";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { minibatchParameters } from "../../../pipeline/fit/minibatch/options.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { train, trainModel, type TrainOptions } from "../../../pipeline/train/train.ts";
import { assertClose } from "../../support/assert_close.ts";
import { interactionRows, interactionStore } from "../../support/browser_actions.ts";
import { inFolder, run } from "../../support/program.ts";
import { denseRow, loadByTfjs } from "../../support/tfjs_model.ts";

const network = minibatchParameters({
  optimizer: "adam",
  hidden: "8,4",
  epochs: 15,
  batchSize: 64,
  learningRate: 0.01,
});

/** Returns a test's models folder, and the registry of its store. */
function modelsIn(dir: string): Models {
  return { artifacts: createFolderStore(dir), registry: openRegistry(join(dirname(dir), "data")) };
}

/** Runs a test with a store, an empty models folder and training options. */
function inStore(
  test: (made: {
    store: ReturnType<typeof interactionStore>["store"];
    models: string;
    options: TrainOptions;
  }) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    const { store, spec } = interactionStore(join(folder, "data"), 4_000);
    try {
      const hyperParameters = { ...defaultHyperParameters, ...network };
      await test({
        store,
        models: join(folder, "models"),
        options: { spec, hyperParameters, now: 1, threads: 1 },
      });
    } finally {
      store.close();
    }
  });
}

Deno.test("network: hidden layers learn an interaction that a logistic regression cannot", () =>
  inStore(async ({ store, options }) => {
    const deep = await trainModel(store, options);
    const plain = await trainModel(store, { ...options, hyperParameters: defaultHyperParameters });
    assert(plain.metadata.metrics.log_loss > 0.97 * plain.metadata.metrics.base_log_loss);
    assert(deep.metadata.metrics.log_loss < 0.65 * plain.metadata.metrics.log_loss);
    const predictor = createPredictor(deep.metadata);
    const probability = (x: number, side: string) =>
      predictor.predict({ x, side, shade: "dark" }, createFindings());
    assert(probability(-0.7, "left") > 0.7 && probability(0.7, "right") > 0.7);
    assert(probability(0.7, "left") < 0.2 && probability(-0.7, "right") < 0.2);
  }));

Deno.test("network: tfjs loads the saved files and gives the served probabilities", () =>
  inStore(async ({ store, models, options }) => {
    const { artifact } = await train(store, modelsIn(models), options);
    const { metadata } = readArtifact(models, artifact.id);
    assert.equal(metadata.network?.layers.length, 2);
    const rows = [-0.9, -0.2, 0, 0.4, 3, null].flatMap((x) =>
      ["left", "right", null, "nowhere"].flatMap((side) =>
        ["dark", null].map((shade) => ({ x, side, shade }))
      )
    );
    const model = await loadByTfjs(join(models, artifact.id));
    const input = tf.tensor2d(rows.map((row) => denseRow(metadata.encoder, row)));
    const output = model.predict(input);
    assert(!Array.isArray(output));
    const theirs = output.dataSync();
    const predictor = createPredictor(metadata);
    rows.forEach((row, i) => {
      const own = predictor.predict(row, createFindings());
      assert(
        Math.abs(own - theirs[i]) < 1e-6,
        `${JSON.stringify(row)}: ${own} is served, tfjs gives ${theirs[i]}`,
      );
    });
    tf.dispose([input, output]);
    model.dispose();
  }));

Deno.test("network: the metrics are those of the served probabilities", () =>
  inStore(async ({ store, options }) => {
    const hyperParameters = { ...options.hyperParameters, testShare: 0 };
    const { metadata } = await trainModel(store, { ...options, hyperParameters });
    const predictor = createPredictor(metadata);
    const losses = interactionRows(4_000).map(({ x, side, shade, clicked }) => {
      const probability = predictor.predict({ x, side, shade }, createFindings());
      return -Math.log(clicked === 1 ? probability : 1 - probability);
    });
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    assertClose(metadata.metrics.log_loss, mean, 1e-10, "log loss");
  }));

Deno.test("network: sampling and class weights are corrected for, so that probabilities are served", () =>
  inStore(async ({ store, options }) => {
    const changes = [{ negatives: 0.3 }, { classWeight: "balanced" }, {
      negatives: 0.3,
      patience: 3,
    }] as const;
    for (const change of changes) {
      const hyperParameters = { ...options.hyperParameters, ...change };
      const { metadata: { metrics } } = await trainModel(store, { ...options, hyperParameters });
      const rows = metrics.calibration.reduce((sum, bin) => sum + bin.rows, 0);
      const gap = metrics.calibration.reduce((sum, bin) =>
        sum + bin.rows * (bin.predicted - bin.observed), 0) / rows;
      assert(Math.abs(gap) < 0.04, `${JSON.stringify(change)}: predicted − observed is ${gap}`);
    }
  }));

Deno.test("network: the same seed gives the same model for any number of threads, another seed another model", () =>
  inStore(async ({ store, models, options }) => {
    // A batch of 4,096 rows of this network is large enough for all threads.
    const hyperParameters = { ...options.hyperParameters, hidden: "32,16", batchSize: 4_096, epochs: 3 };
    const idOf = async (change: Partial<TrainOptions>) =>
      (await train(store, modelsIn(models), { ...options, hyperParameters, ...change })).artifact.id;
    const id = await idOf({});
    assert.equal(await idOf({ threads: 3 }), id);
    assert.notEqual(await idOf({ hyperParameters: { ...hyperParameters, seed: 8 } }), id);
  }));

Deno.test("network: the metadata says how the model was trained, and that it is not exact", () =>
  inStore(async ({ store, options }) => {
    const hyperParameters = { ...options.hyperParameters, patience: 2, validationShare: 0.25 };
    const { metadata } = await trainModel(store, { ...options, hyperParameters });
    assert.equal(metadata.solver.name, "adam");
    assert.equal(metadata.hyperParameters.hidden, "8,4");
    assert(metadata.notes.some((note) => note.includes("not at one")));
    assert(metadata.notes.some((note) => note.includes("8 and 4 units")));
    assert(metadata.solver.gradientMax > 0 && metadata.solver.objective > 0);
    const { train, test, validation = 0 } = metadata.data.rows;
    assert.equal(train + test + validation, 4_000);
    assert(Math.abs(validation / (train + validation) - 0.25) < 0.05);
  }));

Deno.test("network: an exact model's metadata has no mini-batch settings", () =>
  inStore(async ({ store, options }) => {
    const { metadata } = await trainModel(store, { ...options, hyperParameters: defaultHyperParameters });
    assert.equal(metadata.network, undefined);
    assert.equal(metadata.data.rows.validation, undefined);
    assert(!("hidden" in metadata.hyperParameters));
  }));

Deno.test("network: an interruption between batches leaves no model", () =>
  inStore(async ({ store, models, options }) => {
    const controller = new AbortController();
    const reason = new Failure("interrupted", "Interrupted.");
    const hyperParameters = { ...options.hyperParameters, epochs: 10_000 };
    let epochs = 0;
    const training = train(store, modelsIn(models), {
      ...options,
      hyperParameters,
      signal: controller.signal,
      observe: {
        epoch() {
          if (++epochs === 2) setTimeout(() => controller.abort(reason));
        },
      },
    });
    await assert.rejects(training, reason);
    assert(epochs < 10);
    assert.throws(() => Deno.statSync(models), Deno.errors.NotFound);
    assert.deepEqual(await modelsIn(models).registry.listModels(), []);
  }));

Deno.test("network: a changed weight is detected in either file", () =>
  inStore(async ({ store, models, options }) => {
    const hyperParameters = { ...options.hyperParameters, epochs: 1 };
    const { artifact: { id } } = await train(store, modelsIn(models), { ...options, hyperParameters });
    for (const name of ["weights.bin", "model.json"]) {
      const path = join(models, id, name);
      const bytes = await Deno.readFile(path);
      const at = name === "weights.bin" ? bytes.length - 2 : bytes.lastIndexOf("7".charCodeAt(0));
      await Deno.writeFile(path, bytes.with(at, bytes[at] ^ 1));
      assert.throws(
        () => readArtifact(models, id),
        (error) => error instanceof Failure && error.kind === "artifact-corrupt",
      );
      await Deno.writeFile(path, bytes);
    }
    assert.equal(readArtifact(models, id).id, id);
  }));

Deno.test("network: layers of mismatched shapes, and weights that are not float32 numbers, are rejected", () =>
  inStore(async ({ store, options }) => {
    const hyperParameters = { ...options.hyperParameters, epochs: 1 };
    const { metadata } = await trainModel(store, { ...options, hyperParameters });
    const { network } = metadata;
    assert(network);
    const [first, second] = network.layers;
    const broken = [
      { ...network, output: [...network.output, 0] },
      { ...network, layers: [second, first] },
      { ...network, layers: [{ ...first, bias: first.bias.slice(1) }, second] },
      { ...network, output: network.output.with(0, 0.1) },
      { ...network, layers: [] },
    ];
    const bytesOf = (value: unknown) =>
      new TextEncoder().encode(JSON.stringify({ userDefinedMetadata: { ...metadata, network: value } }));
    assert.deepEqual(parseMetadata(bytesOf(network), "the model").network, network);
    for (const value of broken) {
      assert.throws(
        () => parseMetadata(bytesOf(value), "the model"),
        (error) => error instanceof Failure && error.kind === "artifact-corrupt",
      );
    }
  }));

Deno.test("network: train --hidden logs a line per epoch and prints JSON; --repeat gives the same bytes", () =>
  inFolder(async (folder) => {
    const [data, models] = [join(folder, "data"), join(folder, "models")];
    interactionStore(data, 500).store.close();
    const spec = join(folder, "features.json");
    await Deno.writeTextFile(
      spec,
      JSON.stringify({
        id: "id",
        label: "clicked",
        group: "who",
        features: [{ name: "x", type: "numeric" }, { name: "side", type: "categorical", minCount: 1 }],
      }),
    );
    const where = ["--data", data, "--models", models, "--json"];
    const trained = await run(["train", ...where, "--spec", spec, "--hidden", "4", "--epochs", "3"]);
    assert.equal(trained.code, 0, trained.stderr);
    const { solver, version } = JSON.parse(trained.stdout);
    assert.equal(solver.name, "adam");
    assert.equal(solver.iterations, 3);
    const epochs = trained.stderr.split("\n").filter((line) => line.includes('"epoch"')).map((line) =>
      JSON.parse(line)
    );
    assert.deepEqual(epochs.map(({ epoch }) => epoch), [1, 2, 3]);
    const repeated = await run(["train", ...where, "--repeat", String(version)]);
    assert.equal(JSON.parse(repeated.stdout).agrees, true, repeated.stderr);
  }));

Deno.test("network: mini-batch flags with an exact solver are rejected", () =>
  inFolder(async (folder) => {
    interactionStore(join(folder, "data"), 100).store.close();
    const where = ["--data", join(folder, "data"), "--models", join(folder, "models")];
    for (const flags of [["--epochs", "3"], ["--solver", "newton", "--hidden", "4"], ["--hidden", "4;2"]]) {
      const { code, stderr } = await run(["train", ...where, ...flags]);
      assert.equal(code, 2, stderr);
      assert(stderr.includes(flags.at(-2) ?? ""), stderr);
    }
  }));
