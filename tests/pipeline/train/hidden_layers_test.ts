import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import { layerActivations } from "../../../pipeline/fit/minibatch/hidden_layers.ts";
import { minibatchParameters, optimizerNames } from "../../../pipeline/fit/minibatch/options.ts";
import { createFolderStore, readArtifact } from "../../../pipeline/model/artifact_folder.ts";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { openRegistry } from "../../../pipeline/model/sqlite_registry.ts";
import { defaultHyperParameters, type HyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { train } from "../../../pipeline/train/train.ts";
import { interactionFeatures, interactionRows, interactionStore } from "../../support/browser_actions.ts";
import { inFolder, type Outcome, run } from "../../support/program.ts";
import { denseRow, loadByTfjs, predictByScript } from "../../support/tfjs_model.ts";

const rows = interactionRows(200).map(({ x, side, shade }) => ({ x, side, shade }));

/** Trains a model in a folder, and returns its folder with the greatest difference between what is served and what tfjs predicts. */
async function trainIn(folder: string, changes: Partial<HyperParameters>) {
  const { store, spec } = interactionStore(join(folder, "data"), 3_000);
  const models = join(folder, "models");
  try {
    const { artifact } = await train(store, {
      artifacts: createFolderStore(models),
      registry: openRegistry(join(folder, "data")),
    }, {
      spec,
      hyperParameters: {
        ...defaultHyperParameters,
        ...minibatchParameters({
          optimizer: "adam",
          epochs: 8,
          batchSize: 64,
          learningRate: 0.01,
          ...changes,
        }),
      },
      now: 1,
      threads: 1,
    });
    const { metadata } = readArtifact(models, artifact.id);
    const predictor = createPredictor(metadata);
    const served = rows.map((row) => predictor.predict(row, createFindings()));
    const columns = rows.map((row) => denseRow(metadata.encoder, row));
    const path = join(models, artifact.id);
    const model = await loadByTfjs(path);
    const output = model.predict(tf.tensor2d(columns));
    assert(!Array.isArray(output));
    const predicted = output.dataSync();
    const difference = Math.max(...served.map((probability, i) => Math.abs(probability - predicted[i])));
    return { metadata, difference, served, columns, path };
  } finally {
    store.close();
  }
}

for (const activation of layerActivations) {
  Deno.test(`hidden layers: a model of ${activation} learns, and is served as tfjs predicts`, () =>
    inFolder(async (folder) => {
      const { metadata, difference } = await trainIn(folder, {
        hidden: `8:${activation}`,
        learningRate: 0.05,
      });
      assert.deepEqual(metadata.network?.layers.map((layer) => layer.activation), [activation]);
      const { log_loss: loss, base_log_loss: baseLoss } = metadata.metrics;
      // A linear layer adds up to a logistic regression, which cannot learn the interaction.
      assert(
        loss < (activation === "linear" ? 1.02 : 0.97) * baseLoss,
        `${loss}, by the base rate ${baseLoss}`,
      );
      assert(difference < 1e-6, `${difference}`);
    }));
}

Deno.test("hidden layers: batch normalisation and dropout train, are folded and left out, and tfjs alone predicts as is served", () =>
  inFolder(async (folder) => {
    const hidden = "16:swish:batch-norm=before,8:batch-norm=after:dropout=0.1,4:tanh:batch-norm=after";
    const { metadata, difference, served, columns, path } = await trainIn(folder, { hidden });
    const { log_loss: loss, base_log_loss: baseLoss } = metadata.metrics;
    assert.equal(metadata.hyperParameters.hidden, hidden);
    assert(loss < 0.9 * baseLoss, `${loss}, by the base rate ${baseLoss}`);
    assert(difference < 1e-6, `${difference}`);
    const { modelTopology } = JSON.parse(await Deno.readTextFile(join(path, "model.json")));
    const classes = modelTopology.config.layers.map((layer: { class_name: string }) => layer.class_name);
    assert.deepEqual([...new Set(classes)].sort(), ["Activation", "Add", "Dense", "InputLayer"]);
    const predicted = await predictByScript(path, columns);
    served.forEach((probability, i) => assert(Math.abs(probability - predicted[i]) < 1e-6));
  }));

for (const optimizer of optimizerNames) {
  Deno.test(`hidden layers: ${optimizer} lowers the loss at its own learning rate`, () =>
    inFolder(async (folder) => {
      const { learningRate } = minibatchParameters({ optimizer });
      const { metadata } = await trainIn(folder, { optimizer, learningRate, hidden: "8", epochs: 20 });
      const { log_loss: loss, base_log_loss: baseLoss } = metadata.metrics;
      assert(loss < baseLoss, `${loss}, by the base rate ${baseLoss}`);
      assert.equal(metadata.solver.name, optimizer);
    }));
}

/** Runs the program on a store of such rows. */
function inStore(
  test: (train: (...flags: string[]) => Promise<Outcome>, folder: string) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    interactionStore(join(folder, "data"), 600).store.close();
    const spec = join(folder, "features.json");
    const features = { id: "id", label: "clicked", group: "who", features: interactionFeatures };
    await Deno.writeTextFile(spec, JSON.stringify(features));
    const where = ["--data", join(folder, "data"), "--models", join(folder, "models"), "--json", "--quiet"];
    await test((...flags) => run(["train", ...where, "--spec", spec, ...flags]), folder);
  });
}

function fixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/layers/${name}`, import.meta.url));
}

Deno.test("hidden layers: --layers of tfjs, Keras 2 and Keras 3, and --hidden, give one model, and --repeat its bytes", () =>
  inStore(async (train) => {
    const ids = [];
    const files = ["tfjs_4.json", "keras_2.json", "keras_3.json"].map((name) => ["--layers", fixture(name)]);
    const text = "32:swish:dropout=0.25:batch-norm=before,16:batch-norm=after,8:gelu,4:linear";
    for (const layers of [...files, ["--hidden", text]]) {
      const { code, stdout, stderr } = await train(
        ...layers,
        "--epochs",
        "2",
        "--batch-size",
        "64",
      );
      assert.equal(code, 0, stderr);
      ids.push(JSON.parse(stdout).model_id);
    }
    assert.equal(new Set(ids).size, 1);
    const { code, stdout, stderr } = await train("--repeat", ids[0]);
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).agrees, true);
  }));

Deno.test("hidden layers: flags that do not fit together are rejected, with the flag", () =>
  inStore(async (train, folder) => {
    const bad = join(folder, "bad.json");
    const tooWide = { class_name: "Dense", config: { name: "wide", units: 99_999 } };
    await Deno.writeTextFile(bad, JSON.stringify({ class_name: "Sequential", config: [tooWide] }));
    const narrow = {
      class_name: "Dense",
      config: { units: 4, activation: "relu", batch_input_shape: [null, 7] },
    };
    const other = join(folder, "other.json");
    await Deno.writeTextFile(other, JSON.stringify({ class_name: "Sequential", config: [narrow] }));
    const rejected: [string[], number, RegExp][] = [
      [["--activation", "tanh"], 2, /--activation/],
      [["--dropout", "0.5", "--solver", "adam"], 2, /--dropout is of hidden layers: add --hidden/],
      [["--layers", fixture("keras_3.json"), "--hidden", "8"], 2, /leave out --hidden/],
      [["--layers", fixture("keras_3.json"), "--batch-norm", "after"], 2, /leave out --batch-norm/],
      [
        ["--layers", fixture("keras_3.json"), "--solver", "newton"],
        2,
        /--layers is for training by mini-batches/,
      ],
      [["--layers", join(folder, "missing.json")], 1, /missing.json: it does not exist/],
      [["--layers", bad], 2, /layer 1 \(Dense "wide"\): units is 99999/],
      [["--layers", other], 2, /takes 7 columns, and the examples have 10/],
      [["--hidden", "8", "--activation", "softmax"], 2, /--activation/],
      [["--hidden", "4096,4096,4096"], 2, /parameters/],
      [
        ["--hidden", "8", "--solver", "sgd", "--learning-rate", "100", "--epochs", "20"],
        1,
        /--learning-rate/,
      ],
    ];
    for (const [flags, expected, message] of rejected) {
      const { code, stderr } = await train(...flags);
      assert.equal(code, expected, stderr);
      assert.match(stderr, message);
    }
    const registry = openRegistry(join(folder, "data"));
    assert.deepEqual(await registry.listModels(), []);
    await registry.close();
    assert.throws(() => Deno.statSync(join(folder, "models")), Deno.errors.NotFound);
  }));
