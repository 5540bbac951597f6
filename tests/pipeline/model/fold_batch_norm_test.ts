import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { layers, sequential } from "@tensorflow/tfjs-layers";
import "@tensorflow/tfjs-backend-cpu";
import { createRandom } from "../../../pipeline/math/random.ts";
import { type BatchNorm, foldBatchNorm, type TrainedLayer } from "../../../pipeline/model/fold_batch_norm.ts";
import { createDeepPart } from "../../../pipeline/model/network.ts";
import { assertClose } from "../../support/assert_close.ts";

const random = createRandom(17);

/** Returns numbers from −1 to 1. */
function numbers(count: number): Float32Array {
  return Float32Array.from({ length: count }, () => 2 * random.uniform() - 1);
}

function batchNormOf(units: number, place: "before" | "after"): BatchNorm {
  return {
    place,
    gamma: numbers(units),
    beta: numbers(units),
    mean: numbers(units),
    variance: numbers(units).map((value) => value * value),
    epsilon: 0.001,
  };
}

function layerOf(
  inputs: number,
  units: number,
  rest: Pick<TrainedLayer, "activation" | "batchNorm">,
): TrainedLayer {
  return { ...rest, weights: numbers(inputs * units), bias: numbers(units) };
}

/** Returns what tfjs predicts from the layers as they are trained. */
async function predictByTfjs(
  trained: readonly TrainedLayer[],
  output: Float32Array,
  intercept: number,
  rows: readonly number[][],
): Promise<Float32Array> {
  await tf.setBackend("cpu");
  const model = sequential();
  /** Adds a layer, and sets its weights. */
  const add = (layer: Parameters<typeof model.add>[0], ...weights: tf.Tensor[]) => {
    model.add(layer);
    layer.setWeights(weights);
  };
  let inputs = rows[0].length;
  for (const { activation, weights: kernel, bias, batchNorm } of trained) {
    const units = bias.length;
    add(
      layers.dense({ units, inputShape: [inputs] }),
      tf.tensor2d(Array.from(kernel), [inputs, units]),
      tf.tensor1d(Array.from(bias)),
    );
    const addNorm = ({ gamma, beta, mean, variance }: BatchNorm) =>
      add(
        layers.batchNormalization({}),
        ...[gamma, beta, mean, variance].map((values) => tf.tensor1d(Array.from(values))),
      );
    if (batchNorm?.place === "before") addNorm(batchNorm);
    add(layers.activation({ activation }));
    if (batchNorm?.place === "after") addNorm(batchNorm);
    inputs = units;
  }
  add(layers.dense({ units: 1 }), tf.tensor2d(output, [inputs, 1]), tf.tensor1d([intercept]));
  const logits = model.predict(tf.tensor2d(rows.map((row) => [...row])));
  assert(!Array.isArray(logits));
  return Float32Array.from(logits.dataSync());
}

Deno.test("batch normalisation: folded before and after activations, the layers predict as tfjs does with it", async () => {
  const columns = 6;
  const trained = [
    layerOf(columns, 5, { activation: "relu", batchNorm: batchNormOf(5, "before") }),
    layerOf(5, 4, { activation: "tanh", batchNorm: batchNormOf(4, "after") }),
    layerOf(4, 3, { activation: "gelu" }),
    layerOf(3, 3, { activation: "relu", batchNorm: batchNormOf(3, "after") }),
  ];
  const output = numbers(3);
  const rows = Array.from({ length: 100 }, () => Array.from(numbers(columns)));
  const expected = await predictByTfjs(trained, output, 0.25, rows);
  const { network, intercept } = foldBatchNorm(trained, output, 0.25);
  const deep = createDeepPart(network);
  rows.forEach((row, i) => {
    deep.begin();
    row.forEach((value, column) => deep.add(column, value));
    assertClose(deep.logit() + intercept, expected[i], 1e-5, `logit of row ${i}`);
  });
});

Deno.test("batch normalisation: weights of 0 stay 0, results are float32 numbers, and layers without it stay as they are", () => {
  const normed = layerOf(3, 2, { activation: "relu", batchNorm: batchNormOf(2, "before") });
  const plain = layerOf(2, 2, { activation: "relu" });
  const weights = Float32Array.from(normed.weights);
  weights.fill(0, 2, 4);
  const output = numbers(2);
  const { network, intercept } = foldBatchNorm([{ ...normed, weights }, plain], output, 0.5);
  assert.deepEqual(network.layers[0].weights.slice(2, 4), [0, 0]);
  assert.notEqual(network.layers[0].weights[0], weights[0]);
  assert.deepEqual(network.layers[1], {
    activation: "relu",
    weights: Array.from(plain.weights),
    bias: Array.from(plain.bias),
  });
  assert.deepEqual([network.output, intercept], [Array.from(output), 0.5]);
  for (const value of network.layers.flatMap(({ weights, bias }) => [...weights, ...bias])) {
    assert.equal(Math.fround(value), value);
  }
});
