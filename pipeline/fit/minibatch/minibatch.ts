import { loadEach } from "../../chunks/chunk_store.ts";
import { type DesignMatrix, rowsOf } from "../../encode/design_matrix.ts";
import { weightOf } from "../../encode/row_weight.ts";
import { Failure } from "../../failure.ts";
import { log } from "../../math/elementary.ts";
import { createRandom } from "../../math/random.ts";
import type { PlainNetwork } from "../../model/network.ts";
import { requestCollection } from "../../runtime/shared_memory_gc.ts";
import { clickWeightOf } from "../objective.ts";
import type { Solution } from "../penalised.ts";
import { type BatchFiller, type BatchInputs, createBatchFiller, emptyColumns } from "./batch_inputs.ts";
import { type EpochProgress, type HiddenLayer, type MinibatchOptions, partsOf } from "./options.ts";
import { type BatchRows, createRowReader, type RowReader } from "./row_order.ts";
import type { Trainer } from "./tfjs/trainer.ts";

/** The result of mini-batch training: near an optimum, not at one. */
export interface MinibatchSolution extends Solution {
  /** The deep part; absent without hidden layers. */
  readonly network?: PlainNetwork;
  /** The backend of tfjs that trained; absent for wasm, as usual. */
  readonly backend?: "cpu";
}

/** Milliseconds between two pauses. */
const pauseMilliseconds = 50;
/** Steps between two collections: what tfjs leaves behind would else grow to 30 MB before the engine collects it. */
const collectionSteps = 512;
/** Rows of a batch that is only measured, and numbers of its widest layer. */
const measuredRowsMax = 8_192;
const measuredNumbersMax = 2 ** 18;
/** More parameters would make a model.json of more than 20 MB. */
const parametersMax = 2 ** 20;
/** Rows of a step times units of all layers: about 1 GB of memory, as several arrays of them are held at a time. */
const activationsMax = 2 ** 25;
/** Log loss, as a multiple of the base rate's, above which a model is worse than the base rate. */
const worseMax = 1.05;

/** State of a mini-batch training run. */
interface MinibatchState {
  readonly design: DesignMatrix;
  /** Weight of the training rows. */
  readonly weight: number;
  readonly filler: BatchFiller;
  /** Rows of the current batch. */
  readonly batch: BatchRows;
  readonly trainer: Trainer;
  readonly options: MinibatchOptions;
  /** Requests a garbage collection every few steps. */
  readonly afterStep: () => void;
  /** Pauses if the last pause was at least `pauseMilliseconds` ago. */
  readonly pause: (progress?: EpochProgress) => Promise<void>;
}

/**
 * Minimises the mean over the training rows of log loss + l2/2 · ‖weights‖² (biases and the intercept are not penalised) by
 * steps along the gradients of mini-batches. tfjs trains, in float32, on one thread.
 *
 * @returns The objective and the largest entry of its gradient are those of the final parameters, computed by one more pass.
 * @throws {Failure} `not-converged` if the loss is not finite, or worse than the base rate's; `usage-invalid` for an l1
 *   penalty, too many parameters or too large a batch; `examples-invalid` if early stopping has no validation rows.
 */
export async function solveMinibatch(
  design: DesignMatrix,
  options: MinibatchOptions,
): Promise<MinibatchSolution> {
  const { hidden, batchSize, seed, fixedAtZero = [] } = options;
  requireSmooth(options);
  requireValidation(design, options);
  requireAffordable(design.columnCount, options);
  const random = createRandom(seed);
  const { train } = partsOf(options);
  const weight = weightOf(design.chunks, train);
  const baseRate = clickWeightOf(loadEach(design.chunks), train) / weight;
  const zeroColumns = [...fixedAtZero, ...emptyColumns(design, train)];
  const rowsMax = Math.max(batchSize, measuredRowsOf(hidden));
  const filler = createBatchFiller(design, zeroColumns, rowsMax);
  // Loaded on demand, so that only training pays for it.
  const { createTrainer } = await import("./tfjs/trainer.ts");
  const trainer = await createTrainer(
    {
      columnCount: design.columnCount,
      numericColumns: filler.numericColumns,
      hidden,
      random,
      intercept: log(baseRate / (1 - baseRate)),
      zeroColumns,
    },
    { ...options, l2: options.penalty.l2 / weight },
  );
  try {
    const batch = { chunks: new Uint32Array(rowsMax), rows: new Uint32Array(rowsMax) };
    const state: MinibatchState = {
      design,
      weight,
      filler,
      batch,
      trainer,
      options,
      afterStep: createAfterStep(),
      pause: createPause(options),
    };
    const { epochs, criterion } = await runEpochs(
      state,
      async (epoch) => await runEpoch(state, createRowReader(design, train, random), epoch),
    );
    return {
      ...trainer.model.solution(),
      ...await certify(state, baseRate),
      iterations: epochs,
      convergence: { criterion },
      ...(trainer.backend === "wasm" ? {} : { backend: trainer.backend }),
    };
  } finally {
    trainer.dispose();
  }
}

function createAfterStep(): MinibatchState["afterStep"] {
  let steps = 0;
  return () => {
    if (++steps % collectionSteps === 0) requestCollection();
  };
}

function createPause({ pause }: MinibatchOptions): MinibatchState["pause"] {
  let pausedAt = performance.now();
  return async (progress) => {
    if (!pause || performance.now() - pausedAt < pauseMilliseconds) return;
    await pause(progress);
    pausedAt = performance.now();
  };
}

function measuredRowsOf(hidden: readonly HiddenLayer[]): number {
  const unitsMax = Math.max(1, ...hidden.map(({ units }) => units));
  return Math.min(measuredRowsMax, Math.floor(measuredNumbersMax / unitsMax));
}

function requireSmooth({ optimizer, penalty }: MinibatchOptions): void {
  if (penalty.l1 === 0) return;
  throw new Failure(
    "usage-invalid",
    `--solver ${optimizer} has no l1 penalty: its steps leave no coefficient at 0. Use --penalty l2 or none, or an ` +
      "exact solver (--solver auto, without --hidden).",
  );
}

function requireValidation(design: DesignMatrix, options: MinibatchOptions): void {
  if (options.patience === 0 || rowsOf(design, partsOf(options).validation) > 0) return;
  throw new Failure(
    "examples-invalid",
    "Cannot stop early: there are no validation rows. Raise --validation-share, load more rows, or omit --patience.",
  );
}

function requireAffordable(columnCount: number, { hidden, batchSize }: MinibatchOptions): void {
  const shown = (value: number) => value.toLocaleString("en");
  const count = parameterCount(columnCount, hidden);
  if (count > parametersMax) {
    throw new Failure(
      "usage-invalid",
      `Hidden layers of that size on ${columnCount} columns have ${
        shown(count)
      } parameters, expected at most ` +
        `${
          shown(parametersMax)
        }. Use fewer units in --hidden or --layers, or pool rare levels with a higher minCount in the feature spec.`,
    );
  }
  const units = hidden.reduce((sum, layer) => sum + layer.units, 0);
  if (batchSize * units <= activationsMax) return;
  throw new Failure(
    "usage-invalid",
    `--batch-size ${batchSize} is too large for hidden layers of ${
      shown(units)
    } units together, expected at most ` +
      `${shown(Math.floor(activationsMax / units))}: a step holds all of their values.`,
  );
}

function parameterCount(columnCount: number, hidden: readonly HiddenLayer[]): number {
  const sizes = [columnCount, ...hidden.map(({ units }) => units)];
  const deep = sizes.slice(1).reduce((sum, units, i) => sum + (sizes[i] + 1) * units, 0);
  return columnCount + 1 + deep + (hidden.length > 0 ? sizes[hidden.length] : 0);
}

/** How the epochs ended, and the number of the last one that counts. */
interface Ended {
  readonly epochs: number;
  readonly criterion: "epochs" | "early-stopping";
}

/** Runs epochs until all are done or the validation loss has stopped falling, then restores the best one. @returns Its number. */
async function runEpochs(state: MinibatchState, run: (epoch: number) => Promise<number>): Promise<Ended> {
  const { trainer: { model }, options } = state;
  const { epochs, patience } = options;
  const rows = rowsOf(state.design, partsOf(options).train);
  let best = { epoch: 0, loss: Infinity, weights: model.state() };
  let criterion: Ended["criterion"] = "epochs";
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const loss = await run(epoch);
    if (patience === 0) {
      options.observe?.({ epoch, epochs, rows, loss });
      continue;
    }
    const validationLoss = await validationLossOf(state);
    options.observe?.({ epoch, epochs, rows, loss, validationLoss });
    if (validationLoss < best.loss) best = { epoch, loss: validationLoss, weights: model.state() };
    if (epoch - best.epoch < patience) continue;
    criterion = "early-stopping";
    break;
  }
  if (patience === 0) return { epochs, criterion };
  model.restore(best.weights);
  return { epochs: best.epoch, criterion };
}

/** Passes over the training rows once, with one step per batch. @returns Mean log loss. */
async function runEpoch(state: MinibatchState, reader: RowReader, epoch: number): Promise<number> {
  const { design, weight, filler, batch, trainer, options } = state;
  const { batchSize, epochs } = options;
  const rows = rowsOf(design, partsOf(options).train);
  let loss = 0;
  let done = 0;
  for (let count = 0; (count = reader.read(batch, batchSize)) > 0;) {
    // The average weight times the rows, not the batch's own weight: a batch of heavy rows counts for more, as in the full sum.
    loss += trainer.step(filler.fill(batch, count), (count * weight) / rows);
    if (!Number.isFinite(loss)) throw diverged(`a loss that is not finite in epoch ${epoch}`, options);
    done += count;
    state.afterStep();
    await state.pause({ epoch, epochs, done, rows });
  }
  await options.pause?.({ epoch, epochs, done, rows });
  return loss / weight;
}

/** @param result What the training ended with. */
function diverged(result: string, { learningRate }: MinibatchOptions): Failure {
  return new Failure(
    "not-converged",
    `The training did not converge: it ended with ${result}. Use a smaller --learning-rate (it was ${learningRate}), ` +
      "a stronger penalty (a smaller --C), or scale the numeric fields.",
  );
}

/** Returns the sum over all rows of some parts, batch by batch. */
async function sumParts(
  { design, filler, batch, options, pause }: MinibatchState,
  parts: readonly number[],
  sumOf: (batch: BatchInputs) => number,
): Promise<number> {
  const reader = createRowReader(design, parts);
  const rowsWanted = measuredRowsOf(options.hidden);
  let sum = 0;
  for (let count = 0; (count = reader.read(batch, rowsWanted)) > 0;) {
    sum += sumOf(filler.fill(batch, count));
    await pause();
  }
  return sum;
}

/** Returns the mean log loss of the validation rows, which are never sampled. */
async function validationLossOf(state: MinibatchState): Promise<number> {
  const { design, trainer, options: { validationShift = 0 } } = state;
  const { validation } = partsOf(state.options);
  const loss = await sumParts(state, validation, (batch) => trainer.lossOf(batch, validationShift));
  return loss / weightOf(design.chunks, validation);
}

/**
 * Computes the penalised mean loss at the parameters, and its gradient's largest entry.
 *
 * @throws {Failure} `not-converged` for a model that is worse than the base rate, which must not be served unnoticed.
 */
async function certify(
  state: MinibatchState,
  baseRate: number,
): Promise<{ objective: number; gradientMax: number }> {
  const { weight, trainer, options } = state;
  const gradient = trainer.gradientSums();
  const { train } = partsOf(options);
  const loss = await sumParts(state, train, (batch) => trainer.addGradient(batch, gradient)) / weight;
  const baseLoss = -(baseRate * log(baseRate) + (1 - baseRate) * log(1 - baseRate));
  if (!(loss <= worseMax * baseLoss)) {
    const losses = `${loss.toPrecision(3)}, and the base rate alone has ${baseLoss.toPrecision(3)}`;
    throw diverged(`a log loss of ${losses}`, options);
  }
  const l2 = options.penalty.l2 / weight;
  let squares = 0;
  let gradientMax = 0;
  for (const { isPenalised, sums, values } of gradient) {
    for (let i = 0; i < sums.length; i++) {
      gradientMax = Math.max(gradientMax, Math.abs(sums[i] / weight + (isPenalised ? l2 * values[i] : 0)));
      if (isPenalised) squares += values[i] * values[i];
    }
  }
  return { objective: loss + (l2 / 2) * squares, gradientMax };
}
