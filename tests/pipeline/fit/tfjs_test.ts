import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { layers } from "@tensorflow/tfjs-layers";
import { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { loadEach } from "../../../pipeline/chunks/chunk_store.ts";
import type { DesignMatrix } from "../../../pipeline/encode/design_matrix.ts";
import { createBatchFiller } from "../../../pipeline/fit/minibatch/batch_inputs.ts";
import { solveMinibatch } from "../../../pipeline/fit/minibatch/minibatch.ts";
import { type HiddenLayer, optimizerNames } from "../../../pipeline/fit/minibatch/options.ts";
import { CodesDense, registerCodesDense } from "../../../pipeline/fit/minibatch/tfjs/codes_dense.ts";
import { type BackendName, startEngine } from "../../../pipeline/fit/minibatch/tfjs/engine.ts";
import { createTrainer } from "../../../pipeline/fit/minibatch/tfjs/trainer.ts";
import { memoryOf } from "../../../pipeline/fit/minibatch/tfjs/wasm_kernels.ts";
import { createRandom, type Random } from "../../../pipeline/math/random.ts";
import { activationNames } from "../../../pipeline/model/activations.ts";
import { addDeepLogits, createDeepPart, type PlainNetwork } from "../../../pipeline/model/network.ts";
import { sharedFloat64 } from "../../../pipeline/runtime/shared_memory.ts";
import { assertClose } from "../../support/assert_close.ts";
import { interactionFeatures, interactionRows } from "../../support/browser_actions.ts";
import { encodeRows, specOf } from "../../support/example_rows.ts";

const backends = ["wasm", "cpu"] as const satisfies BackendName[];
const rowCount = 40;
const design = encodeRows(specOf(interactionFeatures), interactionRows(rowCount), { chunkRows: 64 }).design;

function reluLayers(...units: number[]): HiddenLayer[] {
  return units.map((count) => ({ units: count, activation: "relu" }));
}

function numbersOf(count: number, random: Random): Float32Array {
  return Float32Array.from({ length: count }, () => 2 * random.uniform() - 1);
}

/** The summed log loss in float64, by the code that serves. */
function servedLoss(
  data: DesignMatrix,
  coefficients: Float64Array,
  network: PlainNetwork | undefined,
): number {
  const [chunk] = loadEach(data.chunks);
  const logits = new Float64Array(rowCount);
  const wide = createDeepPart({
    layers: [{ activation: "relu", weights: coefficients.subarray(0, -1), bias: [100] }],
    output: [1],
  });
  addDeepLogits(data, chunk, { from: 0, to: rowCount }, wide, logits);
  if (network) addDeepLogits(data, chunk, { from: 0, to: rowCount }, createDeepPart(network), logits);
  let loss = 0;
  logits.forEach((sum, i) => {
    const logit = sum - 100 + coefficients[coefficients.length - 1];
    loss += (chunk.weights?.[i] ?? 1) * (Math.log1p(Math.exp(logit)) - chunk.labels[i] * logit);
  });
  return loss;
}

for (const backend of backends) {
  Deno.test(`tfjs: the gradient agrees with finite differences of what is served, on ${backend}`, async () => {
    const random = createRandom(5);
    const [chunk] = loadEach(design.chunks);
    const weights = sharedFloat64(rowCount);
    for (let i = 0; i < rowCount; i++) weights[i] = 0.5 + random.uniform();
    for (const hidden of [[], [5], [4, 3, 2]]) {
      for (const data of [design, { ...design, chunks: [{ ...chunk, weights }] }]) {
        const filler = createBatchFiller(data, [], rowCount);
        const trainer = await createTrainer(
          {
            columnCount: design.columnCount,
            numericColumns: filler.numericColumns,
            hidden: reluLayers(...hidden),
            random,
            intercept: 0.1,
            zeroColumns: [],
          },
          { optimizer: "sgd", learningRate: 0.1, l2: 0, backend },
        );
        // Away from 0, so that no unit is at the kink of its activation.
        trainer.model.restore(
          trainer.model.state().map((values) => values.map((v) => v + 0.3 * random.uniform() - 0.1)),
        );
        const rows = {
          chunks: new Uint32Array(rowCount),
          rows: Uint32Array.from({ length: rowCount }, (_, i) => i),
        };
        const batch = filler.fill(rows, rowCount);
        const gradient = trainer.gradientSums();

        const loss = trainer.addGradient(batch, gradient);

        const { coefficients, network } = trainer.model.solution();
        assertClose(loss, servedLoss(data, coefficients, network), 1e-4, "loss");
        assertClose(trainer.lossOf(batch, 0), loss, 1e-6, "loss alone");
        const parts = [
          coefficients,
          ...(network
            ? [...network.layers.flatMap(({ weights, bias }) => [weights, bias]), network.output]
            : []),
        ];
        const sums = gradient.map(({ sums }) => [...sums]);
        const all = [[...sums[0], ...sums[1]], ...sums.slice(2)];
        assert.equal(all.length, parts.length);
        const step = 1e-5;
        parts.forEach((values, part) => {
          for (let i = 0; i < values.length; i++) {
            const value = values[i];
            const [above, below] = [step, -step].map((change) => {
              values[i] = value + change;
              return servedLoss(data, coefficients, network);
            });
            values[i] = value;
            assertClose(
              all[part][i],
              (above - below) / (2 * step),
              1e-3,
              `weight ${i} of array ${part} of ${hidden}`,
            );
          }
        });
        trainer.dispose();
      }
    }
  });
}

Deno.test("tfjs: a dense layer over codes is the dense layer over one-hot rows, and the backends agree to the last bit", async () => {
  const columnCount = 9;
  const results = new Map<string, number[]>();
  for (const backend of backends) {
    registerCodesDense(await startEngine(backend));
    const random = createRandom(3);
    for (const units of [1, 3, 4, 17, 32]) {
      const codes = Int32Array.from({ length: 20 }, () => random.below(7) - 1 + 2);
      codes.forEach((code, i) => codes[i] = code === 1 ? -1 : code);
      const numbers = numbersOf(10 * 2, random);
      const rows = [
        tf.tensor2d(codes, [10, 2], "int32"),
        tf.tensor2d(numbers, [10, 2]),
        tf.tensor1d([1, 0], "int32"),
      ];
      const hot = new Float32Array(10 * columnCount);
      for (let i = 0; i < 10; i++) {
        hot[i * columnCount + 1] = numbers[i * 2];
        hot[i * columnCount] = numbers[i * 2 + 1];
        for (const code of codes.subarray(i * 2, i * 2 + 2)) if (code >= 0) hot[i * columnCount + code]++;
      }
      const weights = [
        tf.tensor2d(numbersOf(columnCount * units, random), [columnCount, units]),
        tf.tensor1d(numbersOf(units, random)),
      ];
      const slopes = tf.tensor2d(numbersOf(10 * units, random), [10, units]);
      const own = new CodesDense(columnCount, units);
      const plain = layers.dense({ units });
      plain.build([null, columnCount]);
      const outcome = [own, plain].map((layer) => {
        layer.setWeights(weights);
        const input = layer === own ? rows : tf.tensor2d(hot, [10, columnCount]);
        const loss = () => {
          const result: unknown = layer.apply(input);
          assert(result instanceof tf.Tensor);
          return tf.sum<tf.Scalar>(tf.mul(result, slopes));
        };
        const variables = layer.trainableWeights.map((weight) => weight.read())
          .filter((tensor) => tensor instanceof tf.Variable);
        const { value, grads } = tf.variableGrads(loss, variables);
        return [value, ...variables.map(({ name }) => grads[name])].flatMap((
          tensor,
        ) => [...tensor.dataSync()]);
      });
      outcome[0].forEach((value, i) =>
        assertClose(value, outcome[1][i], 1e-5, `${backend}, ${units} units, ${i}`)
      );
      const gradients = outcome[0].slice(1);
      const key = `${units} units`;
      assert.deepEqual(gradients, results.get(key) ?? gradients, key);
      results.set(key, gradients);
    }
  }
});

Deno.test("tfjs: Adam in one kernel takes the steps of tf.train.adam, and the backends agree to the last bit", async () => {
  const results: Float32Array[] = [];
  for (const backend of backends) {
    const { kernels } = await startEngine(backend);
    const random = createRandom(1);
    const start = numbersOf(7, random);
    const theirs = tf.variable(tf.tensor1d(start));
    const adam = tf.train.adam(0.05);
    const moments = { means: tf.zeros([7]), squares: tf.zeros([7]) };
    let own: tf.Tensor = tf.tensor1d(start);
    for (let step = 1; step <= 20; step++) {
      const slopes = tf.tensor1d(numbersOf(7, random));
      adam.applyGradients([{ name: theirs.name, tensor: slopes }]);
      const info = kernels.adam(own, slopes, moments, {
        l2: 0,
        beta1: 0.9,
        beta2: 0.999,
        rate: 0.05 / (1 - 0.9 ** step),
        squareScale: 1 / (1 - 0.999 ** step),
        epsilon: 1e-7,
      });
      own = tf.engine().makeTensorFromTensorInfo(info);
    }
    const values = own.dataSync();
    assert(values instanceof Float32Array);
    const expected = theirs.dataSync();
    values.forEach((value, i) => assertClose(value, expected[i], 1e-5, `${backend}, value ${i}`));
    results.push(values);
  }
  assert.deepEqual(results[0], results[1]);
});

Deno.test("tfjs: products of transposed matrices, and copies that share memory, have the values of other backends", async () => {
  const outcomes: number[][] = [];
  for (const backend of backends) {
    await startEngine(backend);
    const random = createRandom(2);
    const outcome: number[] = [];
    for (const [rows, inner, columns] of [[1, 1, 1], [7, 5, 3], [130, 33, 17], [4, 64, 8], [3, 1, 6]]) {
      for (const [transposeA, transposeB] of [[false, false], [true, false], [false, true], [true, true]]) {
        const a = tf.tensor2d(numbersOf(rows * inner, random), transposeA ? [inner, rows] : [rows, inner]);
        const b = tf.tensor2d(
          numbersOf(inner * columns, random),
          transposeB ? [columns, inner] : [inner, columns],
        );
        const copy = a.clone();
        const cast = tf.cast(copy, "float32");
        a.dispose();
        outcome.push(...tf.matMul(copy, b, transposeA, transposeB).dataSync());
        copy.dispose();
        outcome.push(...cast.dataSync(), ...tf.cast(cast, "int32").dataSync());
      }
    }
    outcomes.push(outcome);
  }
  outcomes[0].forEach((value, i) => assertClose(value, outcomes[1][i], 1e-5, `value ${i}`));
  assert.equal(outcomes[0].length, outcomes[1].length);
});

Deno.test("tfjs: the internals of the wasm backend that are used are there", async () => {
  await startEngine("wasm");
  const backend = tf.backend();
  assert(backend instanceof BackendWasm);
  assert(memoryOf(backend).buffer.byteLength > 0);
  assert.throws(() => memoryOf(Object.assign(Object.create(backend), { wasm: {} })), /no wasm\.asm\.memory/);
  const tensor = tf.tensor1d([1.5, -2]);
  const at = backend.getMemoryOffset(tensor.dataId);
  assert.deepEqual([...new Float32Array(memoryOf(backend).buffer, at, 2)], [1.5, -2]);
});

Deno.test("tfjs: what is served of every activation, of dropout and of batch normalisation is what was trained", async () => {
  const everything: readonly (readonly HiddenLayer[])[] = [
    ...activationNames.map((activation) => [{ units: 4, activation }]),
    [{ units: 5, activation: "relu", batchNorm: "before" }, {
      units: 3,
      activation: "tanh",
      batchNorm: "after",
    }],
    [{ units: 5, activation: "elu", batchNorm: "after", dropout: 0.2 }, {
      units: 3,
      activation: "linear",
      dropout: 0.1,
    }],
  ];
  for (const hidden of everything) {
    const run = async (seed: number) =>
      await solveMinibatch(design, {
        optimizer: "adam",
        hidden,
        epochs: 40,
        batchSize: 8,
        learningRate: 0.01,
        patience: 0,
        seed,
        penalty: { l2: 0, l1: 0 },
      });
    const what = JSON.stringify(hidden);

    const solution = await run(3);

    const { coefficients, network, objective } = solution;
    assertClose(servedLoss(design, coefficients, network) / rowCount, objective, 1e-5, what);
    assert.deepEqual(await run(3), solution, what);
    assert.notDeepEqual((await run(4)).coefficients, coefficients, what);
  }
});

Deno.test("tfjs: rows of numbers alone, and of categories alone, train", async () => {
  for (const feature of interactionFeatures) {
    const { design } = encodeRows(specOf([feature]), interactionRows(rowCount), { chunkRows: 64 });
    const { coefficients, network, objective } = await solveMinibatch(design, {
      optimizer: "adam",
      hidden: reluLayers(3),
      epochs: 2,
      batchSize: 8,
      learningRate: 0.01,
      patience: 0,
      seed: 3,
      penalty: { l2: 0, l1: 0 },
    });
    assertClose(servedLoss(design, coefficients, network) / rowCount, objective, 1e-5, feature.name);
  }
});

for (const optimizer of optimizerNames) {
  Deno.test(`tfjs: ${optimizer} lowers the loss, gives the same weights in every run, and leaves no tensor behind`, async () => {
    const losses: number[] = [];
    const run = async () =>
      await solveMinibatch(design, {
        optimizer,
        hidden: reluLayers(4, 3),
        epochs: 30,
        batchSize: 8,
        learningRate: {
          adam: 0.01,
          adadelta: 1,
          adagrad: 0.1,
          adamax: 0.01,
          rmsprop: 0.01,
          sgd: 0.1,
          momentum: 0.03,
        }[optimizer],
        patience: 0,
        seed: 3,
        penalty: { l2: 0.1, l1: 0 },
        observe: ({ loss }) => losses.push(loss),
      });
    const first = await run();
    const tensors = tf.memory().numTensors;

    const second = await run();

    // The optimizer momentum of tfjs leaves one number behind.
    assert(tf.memory().numTensors <= tensors + 1);
    assert.deepEqual(second, first);
    assert.equal(first.backend, undefined);
    assert(losses[29] < losses[0], `${losses[0]} → ${losses[29]}`);
  });
}
