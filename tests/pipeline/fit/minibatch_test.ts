import assert from "node:assert/strict";
import type { DesignMatrix } from "../../../pipeline/encode/design_matrix.ts";
import { Failure } from "../../../pipeline/failure.ts";
import { fit } from "../../../pipeline/fit/fit.ts";
import { solveMinibatch } from "../../../pipeline/fit/minibatch/minibatch.ts";
import {
  type EpochEvent,
  type HiddenLayer,
  type MinibatchOptions,
} from "../../../pipeline/fit/minibatch/options.ts";
import { emptyColumns } from "../../../pipeline/fit/minibatch/batch_inputs.ts";
import { createRandom } from "../../../pipeline/math/random.ts";
import { createRowReader } from "../../../pipeline/fit/minibatch/row_order.ts";
import { validationPart } from "../../../pipeline/examples/split.ts";
import { interactionFeatures, interactionRows } from "../../support/browser_actions.ts";
import { alone, encodeRows, specOf } from "../../support/example_rows.ts";

const chunkRows = 64;

function makeDesign(rowCount: number): DesignMatrix {
  return encodeRows(specOf(interactionFeatures), interactionRows(rowCount), { chunkRows }).design;
}

function reluLayers(...units: number[]): HiddenLayer[] {
  return units.map((count) => ({ units: count, activation: "relu" }));
}

const options: MinibatchOptions = {
  optimizer: "adam",
  hidden: reluLayers(8, 4),
  epochs: 1,
  batchSize: 32,
  learningRate: 0.01,
  patience: 0,
  seed: 3,
  penalty: { l2: 0, l1: 0 },
};

Deno.test("mini-batches: without hidden layers, training approaches the exact solution", async () => {
  const design = makeDesign(2_000);
  const penalty = { l2: 20, l1: 0 };
  const exact = await fit(design, [0], alone, {
    solver: "newton",
    penalty,
    gradientTolerance: 1e-10,
    iterationsMax: 50,
  });
  const runs = [
    { optimizer: "adam", learningRate: 0.002 },
    { optimizer: "sgd", learningRate: 0.05 },
  ] as const;
  for (const run of runs) {
    const near = await solveMinibatch(design, { ...options, ...run, hidden: [], epochs: 60, penalty });
    assert.equal(near.network, undefined);
    assert(near.objective >= exact.objective);
    assert(
      near.objective < exact.objective + 1e-4,
      `${run.optimizer}: ${near.objective}, not ${exact.objective}`,
    );
    assert(near.gradientMax > 1e-10);
  }
});

Deno.test("mini-batches: an epoch reads every row once, in an order that depends on the seed", () => {
  const design = makeDesign(500);
  const orderOf = (seed: number) => {
    const batch = { chunks: new Uint32Array(500), rows: new Uint32Array(500) };
    const reader = createRowReader(design, [0], createRandom(seed));
    const counts = Array.from({ length: 9 }, () => {
      const part = { chunks: new Uint32Array(60), rows: new Uint32Array(60) };
      const count = reader.read(part, 60);
      return Array.from({ length: count }, (_, i) => part.chunks[i] * chunkRows + part.rows[i]);
    });
    assert.equal(reader.read(batch, 60), 0);
    assert.deepEqual(counts.map((rows) => rows.length), [60, 60, 60, 60, 60, 60, 60, 60, 20]);
    return counts.flat();
  };
  const order = orderOf(1);
  assert.deepEqual(order.toSorted((a, b) => a - b), Array.from({ length: 500 }, (_, i) => i));
  assert.deepEqual(orderOf(1), order);
  assert.notDeepEqual(orderOf(2), order);
});

Deno.test("mini-batches: columns without training rows, and columns fixed at zero, have weight 0", async () => {
  const design = makeDesign(300);
  const empty = emptyColumns(design, [0]);
  // side has no missing and no unseen values, shade no unseen ones.
  assert.equal(empty.length, 3);
  const fixedAtZero = [0];
  const { coefficients, network } = await solveMinibatch(design, { ...options, fixedAtZero });
  assert(network);
  const { weights, bias } = network.layers[0];
  for (const column of [...empty, ...fixedAtZero]) {
    assert.equal(coefficients[column], 0);
    for (let unit = 0; unit < bias.length; unit++) assert.equal(weights[column * bias.length + unit], 0);
  }
});

Deno.test("mini-batches: training stops when the validation loss no longer falls, and restores the best epoch", async () => {
  const rows = interactionRows(600);
  const partition = { partCount: 4, partOf: (group: number) => (group % 4 === 0 ? validationPart : 0) };
  const { design } = encodeRows(specOf(interactionFeatures), rows, { chunkRows, partition });
  const events: EpochEvent[] = [];
  const solution = await solveMinibatch(design, {
    ...options,
    hidden: reluLayers(32),
    epochs: 500,
    learningRate: 0.05,
    patience: 4,
    observe: (event) => events.push(event),
  });
  assert(events.length < 500);
  const losses = events.map(({ validationLoss = NaN }) => validationLoss);
  const best = losses.indexOf(Math.min(...losses)) + 1;
  assert.equal(solution.iterations, best);
  assert.equal(events.length, best + 4);
  assert.equal(solution.convergence.criterion, "early-stopping");
  const again = await solveMinibatch(design, {
    ...options,
    hidden: reluLayers(32),
    epochs: best,
    learningRate: 0.05,
  });
  assert.deepEqual(again.coefficients, solution.coefficients);
  assert.equal(again.convergence.criterion, "epochs");
  // All epochs were done before the loss had stopped falling for as long as that.
  const short = { ...options, hidden: reluLayers(32), epochs: 3, patience: 4 };
  assert.equal((await solveMinibatch(design, short)).convergence.criterion, "epochs");
});

Deno.test("mini-batches: divergence is a failure that suggests a smaller learning rate", async () => {
  const diverging = { ...options, optimizer: "sgd", learningRate: 1e8, epochs: 20 } as const;
  await assert.rejects(
    solveMinibatch(makeDesign(500), diverging),
    (error) =>
      error instanceof Failure && error.kind === "not-converged" &&
      error.message.includes("smaller --learning-rate"),
  );
});

Deno.test("mini-batches: unsupported options are rejected before training starts", async () => {
  const design = makeDesign(100);
  const assertRejects = async (change: Partial<MinibatchOptions>, message: string, kind = "usage-invalid") =>
    await assert.rejects(
      solveMinibatch(design, { ...options, ...change }),
      (error) => error instanceof Failure && error.kind === kind && error.message.includes(message),
    );
  await assertRejects({ penalty: { l2: 0, l1: 1 } }, "no l1 penalty");
  await assertRejects({ hidden: reluLayers(4_096, 4_096) }, "fewer units");
  await assertRejects({ patience: 1 }, "no validation rows", "examples-invalid");
});
