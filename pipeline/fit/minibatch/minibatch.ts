import { loadEach } from "../../chunks/chunk_store.ts";
import type { DesignMatrix } from "../../encode/design_matrix.ts";
import { weightOf } from "../../encode/row_weight.ts";
import { trainPart, validationPart } from "../../examples/split.ts";
import { Failure } from "../../failure.ts";
import { log } from "../../math/elementary.ts";
import { createRandom } from "../../math/random.ts";
import type { PlainNetwork } from "../../model/network.ts";
import type { Threads } from "../../runtime/thread_pool.ts";
import { clickWeightOf } from "../objective.ts";
import type { Solution } from "../penalised.ts";
import {
  clearColumn,
  emptyColumns,
  forWeights,
  initialParameters,
  networkOf,
  type ParameterLayout,
  parameterLayout,
} from "./network_parameters.ts";
import { createNetworkPasses, type NetworkPasses } from "./network_passes.ts";
import { createOptimizer } from "./optimizer.ts";
import type { MinibatchOptions } from "./options.ts";
import { createRowReader, type RowReader } from "./row_order.ts";

/** The result of mini-batch training: near an optimum, not at one. */
export interface MinibatchSolution extends Solution {
  /** The deep part; absent without hidden layers. */
  readonly network?: PlainNetwork;
}

/** Rows between two pauses, and of a batch that is only measured: about a tenth of a second. */
const pauseRows = 65_536;
/** More parameters would make a model.json of more than 20 MB. */
const parametersMax = 2 ** 20;
/** Log loss, as a multiple of the base rate's, above which a model is worse than the base rate. */
const worseMax = 1.05;

/** State of a mini-batch training run. */
interface MinibatchState {
  readonly design: DesignMatrix;
  readonly layout: ParameterLayout;
  readonly parameters: Float64Array<SharedArrayBuffer>;
  readonly passes: NetworkPasses;
  readonly options: MinibatchOptions;
}

/**
 * Minimises the mean over the training rows of log loss + l2/2 · ‖weights‖² (biases and the intercept are not penalised) by
 * steps along the gradients of mini-batches. Parameters are rounded to float32 at the end, as the saved layers store them.
 *
 * @returns The objective and the largest entry of its gradient are those of the final parameters, computed by one more pass.
 * @throws {Failure} `not-converged` if the loss is not finite, or worse than the base rate's; `usage-invalid` for an l1
 *   penalty or too many parameters; `examples-invalid` if early stopping has no validation rows.
 */
export async function solveMinibatch(
  design: DesignMatrix,
  threads: Threads,
  options: MinibatchOptions,
): Promise<MinibatchSolution> {
  const { batchSize, seed, fixedAtZero = [] } = options;
  const hidden = options.hidden.map(({ units }) => units);
  requireSmooth(options);
  requireValidation(design, options);
  const layout = requireAffordable(parameterLayout(design.columnCount, hidden));
  const random = createRandom(seed);
  const baseRate = clickWeightOf(loadEach(design.chunks), [trainPart]) / weightOf(design.chunks, [trainPart]);
  const intercept = log(baseRate / (1 - baseRate));
  const parameters = initialParameters(layout, random, {
    intercept,
    zeroColumns: [...fixedAtZero, ...emptyColumns(design)],
  });
  const passes = await createNetworkPasses(design, threads, {
    hidden,
    parameters,
    batchRowsMax: Math.max(batchSize, pauseRows),
  });
  const state: MinibatchState = { design, layout, parameters, passes, options };
  const optimizer = createOptimizer(options.optimizer, options.learningRate, layout.length);
  const epochs = await runEpochs(state, async (epoch) => {
    const reader = createRowReader(design, trainPart, random);
    return await runEpoch(state, reader, epoch, (gradient) => optimizer.step(parameters, gradient));
  });
  for (let i = 0; i < parameters.length; i++) parameters[i] = Math.fround(parameters[i]);
  const network = networkOf(layout, parameters);
  return {
    coefficients: parameters.slice(0, layout.interceptAt + 1),
    ...(network ? { network } : {}),
    ...await certify(state, baseRate),
    iterations: epochs,
    convergence: { criterion: options.patience === 0 ? "epochs" : "early-stopping" },
  };
}

function requireSmooth({ optimizer, penalty }: MinibatchOptions): void {
  if (penalty.l1 === 0) return;
  throw new Failure(
    "usage-invalid",
    `--solver ${optimizer} has no l1 penalty: its steps leave no coefficient at 0. Use --penalty l2 or none, or an ` +
      "exact solver (--solver auto, without --hidden).",
  );
}

function requireValidation({ partRows }: DesignMatrix, { patience }: MinibatchOptions): void {
  if (patience === 0 || partRows[validationPart] > 0) return;
  throw new Failure(
    "examples-invalid",
    "Cannot stop early: there are no validation rows. Raise --validation-share, load more rows, or omit --patience.",
  );
}

function requireAffordable(layout: ParameterLayout): ParameterLayout {
  if (layout.length <= parametersMax) return layout;
  const [count, max] = [layout.length, parametersMax].map((value) => value.toLocaleString("en"));
  throw new Failure(
    "usage-invalid",
    `Hidden layers of that size on ${layout.columnCount} columns have ${count} parameters, expected at most ${max}. ` +
      "Use fewer units in --hidden, or pool rare levels with a higher minCount in the feature spec.",
  );
}

/** Runs epochs until all are done or the validation loss has stopped falling, then restores the best one. @returns Its number. */
async function runEpochs(state: MinibatchState, run: (epoch: number) => Promise<number>): Promise<number> {
  const { parameters, options } = state;
  const { epochs, patience } = options;
  const rows = state.design.partRows[trainPart];
  let best = { epoch: 0, loss: Infinity, parameters: new Float64Array(0) };
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const loss = await run(epoch);
    if (patience === 0) {
      options.observe?.({ epoch, epochs, rows, loss });
      continue;
    }
    const validationLoss = await validationLossOf(state);
    options.observe?.({ epoch, epochs, rows, loss, validationLoss });
    if (validationLoss < best.loss) best = { epoch, loss: validationLoss, parameters: parameters.slice() };
    if (epoch - best.epoch >= patience) break;
  }
  if (patience === 0) return epochs;
  parameters.set(best.parameters);
  return best.epoch;
}

/** Passes over the training rows once, with one step per batch. @returns Mean log loss. */
async function runEpoch(
  state: MinibatchState,
  reader: RowReader,
  epoch: number,
  step: (gradient: Float64Array) => void,
): Promise<number> {
  const { design, layout, passes, options } = state;
  const { batchSize, epochs } = options;
  const rows = design.partRows[trainPart];
  const weight = weightOf(design.chunks, [trainPart]);
  const gradient = new Float64Array(layout.length);
  let loss = 0;
  let done = 0;
  let pausedAt = 0;
  for (let count = 0; (count = reader.read(passes.batch, batchSize)) > 0;) {
    const sums = await passes.sum(count);
    loss += sums[layout.length];
    if (!Number.isFinite(loss)) throw diverged(`a loss that is not finite in epoch ${epoch}`, options);
    // The average weight times the rows, not the batch's own weight: a batch of heavy rows counts for more, as in the full sum.
    setGradient(state, sums, { rows: (count * weight) / rows, all: weight }, gradient);
    step(gradient);
    done += count;
    if (done - pausedAt < pauseRows) continue;
    pausedAt = done;
    await options.pause?.({ epoch, epochs, done, rows });
  }
  await options.pause?.({ epoch, epochs, done, rows });
  return loss / weight;
}

/**
 * Computes the gradient of the penalised mean loss from the sums over some rows.
 *
 * @param sums As returned by `NetworkPasses.sum`.
 * @param weight Weight of those rows, and of all training rows, over which the penalty is averaged.
 * @param gradient Overwritten.
 */
function setGradient(
  { layout, parameters, options }: MinibatchState,
  sums: Float64Array,
  weight: { readonly rows: number; readonly all: number },
  gradient: Float64Array,
): void {
  for (let i = 0; i < gradient.length; i++) gradient[i] = sums[i] / weight.rows;
  const l2 = options.penalty.l2 / weight.all;
  if (l2 > 0) {
    forWeights(layout, (from, to) => {
      for (let i = from; i < to; i++) gradient[i] += l2 * parameters[i];
    });
  }
  for (const column of options.fixedAtZero ?? []) clearColumn(layout, column, gradient);
}

/** @param result What the training ended with. */
function diverged(result: string, { learningRate }: MinibatchOptions): Failure {
  return new Failure(
    "not-converged",
    `The training did not converge: it ended with ${result}. Use a smaller --learning-rate (it was ${learningRate}), ` +
      "a stronger penalty (a smaller --C), or scale the numeric fields.",
  );
}

/** Returns the sums over all rows of a part, in the shape of one batch's. */
async function sumPart(
  { design, layout, passes, options }: MinibatchState,
  part: number,
): Promise<Float64Array> {
  const reader = createRowReader(design, part);
  const total = new Float64Array(layout.length + 1);
  for (let count = 0; (count = reader.read(passes.batch, pauseRows)) > 0;) {
    const sums = await passes.sum(count);
    for (let i = 0; i < total.length; i++) total[i] += sums[i];
    await options.pause?.();
  }
  return total;
}

/** Returns the mean log loss of the validation rows, which are never sampled. */
async function validationLossOf(state: MinibatchState): Promise<number> {
  const { design, layout, parameters, options: { validationShift = 0 } } = state;
  const intercept = parameters[layout.interceptAt];
  parameters[layout.interceptAt] = intercept + validationShift;
  const sums = await sumPart(state, validationPart);
  parameters[layout.interceptAt] = intercept;
  return sums[layout.length] / weightOf(design.chunks, [validationPart]);
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
  const { design, layout, parameters, options } = state;
  const weight = weightOf(design.chunks, [trainPart]);
  const sums = await sumPart(state, trainPart);
  const loss = sums[layout.length] / weight;
  const baseLoss = -(baseRate * log(baseRate) + (1 - baseRate) * log(1 - baseRate));
  if (!(loss <= worseMax * baseLoss)) {
    const losses = `${loss.toPrecision(3)}, and the base rate alone has ${baseLoss.toPrecision(3)}`;
    throw diverged(`a log loss of ${losses}`, options);
  }
  const gradient = new Float64Array(layout.length);
  setGradient(state, sums, { rows: weight, all: weight }, gradient);
  const gradientMax = gradient.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  let squares = 0;
  forWeights(layout, (from, to) => {
    for (let i = from; i < to; i++) squares += parameters[i] * parameters[i];
  });
  return { objective: loss + (options.penalty.l2 / weight / 2) * squares, gradientMax };
}
