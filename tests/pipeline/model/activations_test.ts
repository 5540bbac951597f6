import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { layers, loadLayersModel, sequential } from "@tensorflow/tfjs-layers";
import "@tensorflow/tfjs-backend-cpu";
import { createFindings } from "../../../pipeline/model/findings.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { type ActivationName, activationNames, activations } from "../../../pipeline/model/activations.ts";
import { type ArtifactMetadata, parseMetadata } from "../../../pipeline/model/artifact_metadata.ts";
import { layersModel, weightsFile, weightsOf } from "../../../pipeline/model/layers_model.ts";
import type { PlainNetwork } from "../../../pipeline/model/network.ts";
import { createPredictor } from "../../../pipeline/model/predictor.ts";
import { defaultHyperParameters } from "../../../pipeline/train/hyper_parameters.ts";
import { assertClose } from "../../support/assert_close.ts";
import { inFolder } from "../../support/program.ts";
import { predictByScript } from "../../support/tfjs_model.ts";

const names: readonly (ActivationName | "linear")[] = [...activationNames, "linear"];

Deno.test("activations: each is that of tfjs", async () => {
  await tf.setBackend("cpu");
  const points = Float32Array.from({ length: 1_201 }, (_, i) => (i - 600) / 20);
  const input = tf.tensor2d(points, [1, points.length]);
  for (const name of names) {
    const model = sequential({
      layers: [layers.activation({ activation: name, inputShape: [points.length] })],
    });
    const output = model.predict(input);
    assert(!Array.isArray(output));
    const expected = output.dataSync();
    const values = Float64Array.from(points);
    activations[name](values);
    values.forEach((value, i) => assertClose(value, expected[i], 1e-6, `${name} of ${points[i]}`));
  }
});

Deno.test("activations: each keeps NaN, and is finite or infinite as it should be far from 0", () => {
  for (const name of names) {
    const values = Float64Array.of(NaN, 800, -800);
    activations[name](values);
    assert(Number.isNaN(values[0]), name);
    const above = name === "tanh" || name === "sigmoid"
      ? 1
      : name === "selu"
      ? 1.0507009873554805 * 800
      : 800;
    assertClose(values[1], above, 1e-12, `${name} of 800`);
    const below = { linear: -800, tanh: -1, elu: -1, selu: -1.7580993408473768 } as Partial<
      Record<string, number>
    >;
    assertClose(values[2], below[name] ?? 0, 1e-12, `${name} of −800`);
  }
});

/** Returns a model of three numeric fields, with a layer of each activation. */
function madeModel(): ArtifactMetadata {
  const random = createRandom(11);
  const weights = (count: number) =>
    Array.from({ length: count }, () => Math.fround(2 * random.uniform() - 1));
  const columns = 3;
  const units = 5;
  const network: PlainNetwork = {
    layers: names.map((activation, i) => ({
      activation,
      weights: weights((i === 0 ? columns : units) * units),
      bias: weights(units),
    })),
    output: weights(units),
  };
  const metrics = { log_loss: 1, auc: null, brier: 1, ece: 1, base_log_loss: 1, calibration: [] };
  return {
    layout: 1,
    program: "0.0.0",
    spec: {},
    encoder: {
      features: ["a", "b", "c"].map((name, column) => ({
        type: "numeric",
        name,
        nullable: false,
        transform: "none",
        impute: 0,
        mean: 0,
        scale: 1,
        column,
        missingIndicator: false,
      })),
      columnCount: columns,
    },
    coefficients: weights(columns),
    intercept: weights(1)[0],
    network,
    hyperParameters: { ...defaultHyperParameters },
    data: { fingerprint: "", rows: { train: 1, test: 0, left_out: 0 }, clicks: { train: 1, test: 0 } },
    metrics,
    solver: { name: "adam", iterations: 1, gradientMax: 1, objective: 1 },
    notes: [],
    golden: [],
  };
}

/** Returns the members that tfjs loads from. */
function artifactsOf(metadata: ArtifactMetadata): tf.io.ModelArtifacts {
  const weights = weightsOf(metadata);
  const { modelTopology, weightsManifest } = JSON.parse(JSON.stringify(layersModel(metadata, weights)));
  return { modelTopology, weightSpecs: weightsManifest[0].weights, weightData: weights.buffer };
}

Deno.test("activations: a saved model of each is read, and served as tfjs predicts", async () => {
  await tf.setBackend("cpu");
  const made = madeModel();
  const saved = new TextEncoder().encode(JSON.stringify({ userDefinedMetadata: made }));
  const metadata = parseMetadata(saved, "the model");
  assert.deepEqual(metadata.network, made.network);
  const model = await loadLayersModel(tf.io.fromMemory(artifactsOf(metadata)));
  const predictor = createPredictor(metadata);
  const random = createRandom(5);
  const rows = Array.from({ length: 200 }, () => Array.from({ length: 3 }, () => 6 * random.uniform() - 3));
  const output = model.predict(tf.tensor2d(rows));
  assert(!Array.isArray(output));
  const expected = output.dataSync();
  rows.forEach(([a, b, c], i) => {
    const probability = predictor.predict({ a, b, c }, createFindings());
    assert(Math.abs(probability - expected[i]) < 1e-6, `${probability} is served, tfjs gives ${expected[i]}`);
  });
});

/** Returns each weight's numbers. */
function weightsByName({ weightData, weightSpecs = [] }: tf.io.ModelArtifacts): Record<string, Float32Array> {
  assert(weightData instanceof ArrayBuffer);
  const weights: Record<string, Float32Array> = {};
  let at = 0;
  for (const { name, shape } of weightSpecs) {
    const count = shape.reduce((product, size) => product * size, 1);
    weights[name] = new Float32Array(weightData, at, count);
    at += 4 * count;
  }
  return weights;
}

Deno.test("activations: a script that imports nothing but tfjs loads a saved model from its files, and predicts as it is served", () =>
  inFolder(async (folder) => {
    const metadata = madeModel();
    const weights = weightsOf(metadata);
    await Deno.writeTextFile(join(folder, "model.json"), JSON.stringify(layersModel(metadata, weights)));
    await Deno.writeFile(join(folder, weightsFile), weights);
    const rows = [[0, 0, 0], [1, -1, 0.5], [-3, 2, 0.1]];
    const predicted = await predictByScript(folder, rows);
    const predictor = createPredictor(metadata);
    rows.forEach(([a, b, c], i) => {
      const probability = predictor.predict({ a, b, c }, createFindings());
      assert(
        Math.abs(probability - predicted[i]) < 1e-6,
        `${probability} is served, tfjs gives ${predicted[i]}`,
      );
    });
  }));

Deno.test("activations: tfjs saves the loaded model as the same layers and the same weights", async () => {
  await tf.setBackend("cpu");
  const own = artifactsOf(madeModel());
  const model = await loadLayersModel(tf.io.fromMemory(own));
  let theirs: tf.io.ModelArtifacts | undefined;
  await model.save(tf.io.withSaveHandler((artifacts) => {
    theirs = artifacts;
    return Promise.resolve({
      modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" as const },
    });
  }));
  assert(theirs);
  // In another order: tfjs sorts layers by their depth.
  assert.deepEqual(weightsByName(theirs), weightsByName(own));
  const essence = ({ modelTopology }: tf.io.ModelArtifacts) => {
    const { class_name, config } = JSON.parse(JSON.stringify(modelTopology));
    const layerOf = ({ class_name, name, inbound_nodes, config }: Record<string, unknown>) => {
      const { units, activation, use_bias } = Object(config);
      return [name, { class_name, inbound_nodes, units, activation, use_bias }];
    };
    return {
      class_name,
      outputs: config.output_layers,
      layers: Object.fromEntries(config.layers.map(layerOf)),
    };
  };
  assert.deepEqual(essence(theirs), essence(own));
});
