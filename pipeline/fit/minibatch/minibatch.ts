import { loadEach } from "../../chunks/chunk_store.ts";
import { type DesignMatrix, fitWeightsOf } from "../../encode/design_matrix.ts";
import { weightOf } from "../../encode/row_weight.ts";
import { log } from "../../math/elementary.ts";
import { Failure } from "../../failure.ts";
import {
  certify,
  diverged,
  measuredRows,
  type MinibatchState,
  setGradient,
  validationLossOf,
} from "./learner.ts";
import type { MinibatchOptions } from "./options.ts";
import type { PlainNetwork } from "../../model/network.ts";
import {
  emptyColumns,
  initialParameters,
  networkOf,
  type ParameterLayout,
  parameterLayout,
} from "./network_parameters.ts";
import { createNetworkPasses } from "./network_passes.ts";
import { createOptimizer } from "./optimizer.ts";
import type { Solution } from "../penalised.ts";
import { createRandom } from "../../math/random.ts";
import { createRowReader, type RowReader } from "./row_order.ts";
import { trainPart, validationPart } from "../../examples/split.ts";
import type { Threads } from "../../runtime/thread_pool.ts";

/** A model as mini-batches leave it: near an optimum, not at one. */
export interface MinibatchSolution extends Solution {
  /** The deep part; absent without hidden layers. */
  readonly network?: PlainNetwork;
}

/** Rows between two pauses: about a tenth of a second. */
const pauseRows = 65_536;
/** More would make a model.json of more than 20 MB. */
const parametersMax = 2 ** 20;

/**
 * Minimises the mean over the training rows of log loss + l2/2 · ‖weights‖² (biases and the intercept are not penalised) by
 * steps along the gradients of mini-batches. Parameters end as float32 numbers, so that the saved layers are the model.
 *
 * @returns With the objective and the largest entry of its gradient where the training ended, measured by one pass more.
 * @throws {Failure} `not-converged` where the loss is no number any more, or that of the click rate alone is better;
 *   `usage-invalid` for an l1 penalty, or more parameters than a model may have; `examples-invalid` where training may stop
 *   early and no rows say when.
 */
export async function solveMinibatch(
  design: DesignMatrix,
  threads: Threads,
  options: MinibatchOptions,
): Promise<MinibatchSolution> {
  const { hidden, batchSize, seed, fixedAtZero: held = [] } = options;
  requireSmooth(options);
  requireValidation(design, options);
  const layout = requireAffordable(parameterLayout(design.columnCount, hidden));
  const random = createRandom(seed);
  const baseRate = baseRateOf(design);
  const intercept = log(baseRate / (1 - baseRate));
  const parameters = initialParameters(layout, random, {
    intercept,
    idle: [...held, ...emptyColumns(design)],
  });
  const passes = await createNetworkPasses(design, threads, {
    hidden,
    parameters,
    batchRowsMax: Math.max(batchSize, measuredRows),
  });
  const learner: MinibatchState = { design, layout, parameters, passes, options };
  const optimizer = createOptimizer(options.optimizer, options.learningRate, layout.length);
  const epochs = await runEpochs(learner, async (epoch) => {
    const reader = createRowReader(design, trainPart, random);
    return await runEpoch(learner, reader, epoch, (gradient) => optimizer.step(parameters, gradient));
  });
  for (let i = 0; i < parameters.length; i++) parameters[i] = Math.fround(parameters[i]);
  const network = networkOf(layout, parameters);
  return {
    coefficients: parameters.slice(0, layout.interceptAt + 1),
    ...(network ? { network } : {}),
    ...await certify(learner, baseRate),
    iterations: epochs,
    convergence: { criterion: options.patience === 0 ? "epochs" : "early-stopping" },
  };
}

function requireSmooth({ optimizer, penalty }: MinibatchOptions): void {
  if (penalty.l1 === 0) return;
  throw new Failure(
    "usage-invalid",
    `--solver ${optimizer} has no l1 penalty, its steps leave no coefficient at 0: use --penalty l2 or none, or an ` +
      "exact solver (--solver auto, without --hidden).",
  );
}

function requireValidation({ partRows }: DesignMatrix, { patience }: MinibatchOptions): void {
  if (patience === 0 || partRows[validationPart] > 0) return;
  throw new Failure(
    "examples-invalid",
    "There are no validation rows to stop by: set more aside with --validation-share, load more, or leave out --patience.",
  );
}

function requireAffordable(layout: ParameterLayout): ParameterLayout {
  if (layout.length <= parametersMax) return layout;
  const [count, max] = [layout.length, parametersMax].map((value) => value.toLocaleString("en"));
  throw new Failure(
    "usage-invalid",
    `Hidden layers of that size on ${layout.columnCount} columns have ${count} parameters, expected at most ${max}: ` +
      "use fewer units in --hidden, or join rare levels with a higher minCount in the feature spec.",
  );
}

/** Weighted click rate of the training rows. */
function baseRateOf(design: DesignMatrix): number {
  let clicks = 0;
  for (const chunk of loadEach(design.chunks)) {
    const { labels, partEnds } = chunk;
    const weights = fitWeightsOf(chunk);
    for (let i = 0; i < partEnds[trainPart]; i++) {
      clicks += weights === undefined ? labels[i] : labels[i] * weights[i];
    }
  }
  return clicks / weightOf(design.chunks, [trainPart]);
}

/** Runs epochs until all are done or the validation loss has stopped falling, then goes back to the best. */
async function runEpochs(learner: MinibatchState, run: (epoch: number) => Promise<number>): Promise<number> {
  const { parameters, options } = learner;
  const { epochs, patience } = options;
  const rows = learner.design.partRows[trainPart];
  let best = { epoch: 0, loss: Infinity, parameters: new Float64Array(0) };
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const loss = await run(epoch);
    if (patience === 0) {
      options.observe?.({ epoch, epochs, rows, loss });
      continue;
    }
    const validationLoss = await validationLossOf(learner);
    options.observe?.({ epoch, epochs, rows, loss, validationLoss });
    if (validationLoss < best.loss) best = { epoch, loss: validationLoss, parameters: parameters.slice() };
    if (epoch - best.epoch >= patience) break;
  }
  if (patience === 0) return epochs;
  parameters.set(best.parameters);
  return best.epoch;
}

/** One pass over the training rows, one step per batch. @returns Mean log loss. */
async function runEpoch(
  learner: MinibatchState,
  reader: RowReader,
  epoch: number,
  step: (gradient: Float64Array) => void,
): Promise<number> {
  const { design, layout, passes, options } = learner;
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
    if (!Number.isFinite(loss)) throw diverged(`a loss beyond all numbers in epoch ${epoch}`, options);
    // Rows weigh 1 on average, so that a batch of heavy rows counts for more, as it does in the sum over all.
    setGradient(learner, sums, { rows: (count * weight) / rows, all: weight }, gradient);
    step(gradient);
    done += count;
    if (done - pausedAt < pauseRows) continue;
    pausedAt = done;
    await options.pause?.({ epoch, epochs, done, rows });
  }
  await options.pause?.({ epoch, epochs, done, rows });
  return loss / weight;
}
