import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { layers } from "@tensorflow/tfjs-layers";
import { BatchNorm } from "../../../pipeline/fit/minibatch/tfjs/batch_norm.ts";
import { type BackendName, startEngine } from "../../../pipeline/fit/minibatch/tfjs/engine.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { assertAllClose } from "../../support/assert_close.ts";

type Layer = Pick<BatchNorm, "apply" | "weights" | "trainableWeights">;

function applied(layer: Layer, x: tf.Tensor, training: boolean): tf.Tensor {
  const result: unknown = layer.apply(x, { training });
  assert(result instanceof tf.Tensor);
  return result;
}

/** Returns what a layer gives and learns from a batch: in training and after it, its gradients, and its weights after three steps. */
function resultsOf(
  layer: Layer,
  inputs: readonly tf.Tensor2D[],
  slopes: tf.Tensor2D,
): Record<string, ArrayLike<number>> {
  const apply = (x: tf.Tensor, training: boolean) => applied(layer, x, training);
  const [first] = inputs;
  const gamma = layer.weights[0].read();
  assert(gamma instanceof tf.Variable);
  gamma.assign(tf.tensor([0.5, -2, 1.5]));
  const results: Record<string, ArrayLike<number>> = {};
  for (const training of [true, false]) {
    const sum = () => tf.sum<tf.Scalar>(tf.mul(apply(first, training), slopes));
    const variables = layer.trainableWeights.map((weight) => weight.read()).filter((value) =>
      value instanceof tf.Variable
    );
    const { grads } = tf.variableGrads(sum, variables);
    variables.forEach(({ name }, i) =>
      results[`gradient ${i}, training ${training}`] = grads[name].dataSync()
    );
    const gradient = tf.grad((x) => tf.sum(tf.mul(apply(x, training), slopes)));
    results[`gradient of the input, training ${training}`] = gradient(first).dataSync();
    results[`output, training ${training}`] = apply(first, training).dataSync();
  }
  for (const input of inputs) apply(input, true);
  layer.weights.forEach((weight, i) => results[`weight ${i}`] = weight.read().dataSync());
  results["output after training"] = apply(first, false).dataSync();
  return results;
}

for (const backend of ["wasm", "cpu"] satisfies BackendName[]) {
  Deno.test(`batch normalisation: outputs, gradients and averages are those of tfjs's own layer, on ${backend}`, async () => {
    await startEngine(backend);
    const random = createRandom(3);
    const numbers = () =>
      tf.tensor2d(Float32Array.from({ length: 60 }, () => 4 * random.uniform() - 1), [20, 3]);
    const [inputs, slopes] = [[numbers(), numbers(), numbers()], numbers()];
    const theirs = layers.batchNormalization();
    theirs.build([null, 3]);
    const expected = resultsOf(theirs, inputs, slopes);
    const got = resultsOf(new BatchNorm(3), inputs, slopes);
    assert.deepEqual(Object.keys(got), Object.keys(expected));
    for (const [name, values] of Object.entries(expected)) assertAllClose(got[name], values, 2e-5, name);
  });
}

Deno.test("batch normalisation: a step leaves no tensor behind", async () => {
  await startEngine();
  const layer = new BatchNorm(3);
  const input = tf.ones([20, 3]);
  const step = () =>
    tf.tidy(() => {
      tf.variableGrads(() => tf.sum(applied(layer, input, true)));
    });
  step();
  const { numTensors } = tf.memory();
  for (let i = 0; i < 5; i++) step();
  assert.equal(tf.memory().numTensors, numTensors);
});
