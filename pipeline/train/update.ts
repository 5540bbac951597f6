import { createChunkStore } from "../chunks/chunk_store.ts";
import { plainFields } from "../chunks/chunk_file.ts";
import type { Artifact } from "../model/artifact.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";
import { encodeWith } from "../encode/encode.ts";
import { readExamples } from "../examples/examples.ts";
import { fingerprintOf } from "../examples/fingerprint.ts";
import {
  createPredictionAccumulator,
  type PredictionAccumulator,
} from "../evaluate/prediction_accumulator.ts";
import { forLogits } from "../fit/logits.ts";
import { createPasses } from "../fit/passes.ts";
import { evaluatePoint, type Prior } from "../fit/penalised.ts";
import { packPrecision } from "../model/packed_precision.ts";
import { probabilityOf } from "../model/predictor.ts";
import type { Convergence } from "../fit/certificate.ts";
import { requireConverged } from "../fit/convergence.ts";
import { solveNewton } from "../fit/newton.ts";
import type { Models } from "../model/registry.ts";
import { requireAccounted, type RowAccount } from "../examples/row_account.ts";
import type { Store } from "../store/store.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { goldenOf, type GoldenRow, pickGolden } from "../model/golden.ts";
import { partSumsOf } from "./class_counts.ts";
import { register, type TrainOptions, type TrainReport } from "./train.ts";
import { startClock } from "./stage_clock.ts";
import { continuationOf, nothingNew, updateNotes, withNewRows } from "./continuation.ts";
import { openTrainingResources } from "./training_resources.ts";

/** New rows are learnt in this many steps at the most, each predicted before it is learnt. */
const blocksMax = 20;
const blockRowsMin = 1_000;

export type UpdateOptions = Omit<TrainOptions, "spec" | "hyperParameters">;

/**
 * Continues from a model on the rows that came since: those with a greater id than any it has seen.
 *
 * What the model knows is a normal prior of the coefficients: their values, and the precision that the artifact keeps. Block
 * by block, the new rows are first predicted (progressive validation) and then learnt by Newton's method from the last
 * coefficients, and the block's Hessian adds to the precision. The encoder stays as it was: levels that are new are unseen.
 *
 * @throws {Failure} `examples-invalid` where nothing is new, `usage-invalid` where the model keeps no precision.
 * @see Spiegelhalter & Lauritzen, Sequential Updating of Conditional Probabilities (1990), for the approximation.
 */
export async function update(
  store: Store,
  models: Models,
  from: Artifact,
  options: UpdateOptions,
): Promise<TrainReport> {
  const clock = startClock();
  const { threads, budget: room, close } = openTrainingResources(store, options);
  try {
    const { spec, after, prior } = continuationOf(from);
    const raw = await readExamples(store, spec, threads, {
      after,
      budget: room,
      types: from.metadata.encoder.features.flatMap((feature) =>
        feature.type === "categorical" ? [feature.values] : []
      ),
      observe: (done) => {
        options.signal?.throwIfAborted();
        options.observe?.stage?.({ stage: "reading", done, unit: "examples" });
      },
    });
    const { rowCount, lastId = after, account } = raw;
    if (rowCount === 0) throw nothingNew(from.id, spec, after, account);
    clock.lap("read");
    const fingerprint = fingerprintOf(raw);
    const goldenRows = pickGolden(raw, spec);
    const keeper = createChunkStore(room);
    const design = encodeWith(raw, from.metadata.encoder, { partCount: 1, partOf: () => 0 }, keeper);
    clock.lap("encode");
    requireAccounted(account, design.partRows[0]);
    const learnt = await learnBlocks(design, prior, threads, from.metadata, options);
    clock.lap("fit");
    const metadata = describeUpdate(from, design, learnt, {
      fingerprint,
      lastId,
      golden: goldenRows,
      account,
    });
    return await register(models, { metadata, account, seconds: clock.seconds() }, options);
  } finally {
    close();
  }
}

interface Learnt {
  readonly prior: Prior;
  readonly iterations: number;
  readonly gradientMax: number;
  /** Of the block that came least near to its optimum. */
  readonly convergence: Convergence;
  readonly objective: number;
  /** Of each new row, before it was learnt. */
  readonly progressive: Metrics;
  /** Of each new row, by the model that it began with. */
  readonly unchanged: Metrics;
}

type Metrics = ArtifactMetadata["metrics"];

async function learnBlocks(
  design: DesignMatrix,
  prior: Prior,
  threads: Threads,
  { data, hyperParameters }: ArtifactMetadata,
  { observe, signal }: UpdateOptions,
): Promise<Learnt> {
  const { rows, clicks } = data.weights ?? data;
  const baseRate = clicks.train / (rows.train + rows.left_out);
  const before = prior.mean;
  const progressive = createPredictionAccumulator(design.partRows[0]);
  const unchanged = createPredictionAccumulator(design.partRows[0]);
  let [iterations, gradientMax, objective] = [0, 0, 0];
  let convergence: Convergence = {};
  for (const block of blocksOf(design)) {
    signal?.throwIfAborted();
    addPredictions(progressive, block, prior.mean);
    addPredictions(unchanged, block, before);
    const passes = await createPasses(block, [0], threads);
    const options = {
      penalty: { l2: 0, l1: 0, prior },
      start: prior.mean,
      gradientTolerance: Number(hyperParameters.tolerance),
      iterationsMax: Number(hyperParameters.iterationsMax),
    };
    const solution = await solveNewton(passes, options);
    requireConverged(solution, options, { what: "The update", help: "Train anew instead." });
    const { hessian } = await evaluatePoint(passes, "all", solution.coefficients, options, true);
    if (!hessian) throw new Error("a Hessian was asked for");
    prior = { mean: solution.coefficients, precision: hessian.map((value) => value * passes.weight.all) };
    iterations += solution.iterations;
    gradientMax = Math.max(gradientMax, solution.gradientMax);
    convergence = weaker(convergence, solution.convergence);
    objective = solution.objective;
    observe?.iteration?.({ iteration: iterations, objective, gradientMax: solution.gradientMax, step: 1 });
  }
  return {
    prior,
    iterations,
    gradientMax,
    convergence,
    objective,
    progressive: progressive.metrics(baseRate),
    unchanged: unchanged.metrics(baseRate),
  };
}

/** The convergence of the block that has the larger step left. */
function weaker(a: Convergence, b: Convergence): Convergence {
  return (b.step ?? 0) >= (a.step ?? 0) ? b : a;
}

/** Runs of consecutive chunks. */
function blocksOf(design: DesignMatrix): DesignMatrix[] {
  const rows = design.partRows[0];
  const wanted = Math.max(blockRowsMin, Math.ceil(rows / blocksMax));
  const blocks: DesignMatrix[] = [];
  let chunks: DesignMatrix["chunks"][number][] = [];
  let count = 0;
  for (const chunk of design.chunks) {
    chunks.push(chunk);
    count += plainFields(chunk).partEnds[0];
    if (count < wanted) continue;
    blocks.push({ ...design, chunks, partRows: [count] });
    [chunks, count] = [[], 0];
  }
  if (count > 0) blocks.push({ ...design, chunks, partRows: [count] });
  return blocks;
}

/** Adds the predictions of a block's rows at some coefficients. */
function addPredictions(
  predictions: PredictionAccumulator,
  design: DesignMatrix,
  coefficients: Float64Array,
): void {
  forLogits(design, [0], coefficients, (chunk, from, to, logits) => {
    for (let i = 0; i < logits.length; i++) logits[i] = probabilityOf(logits[i]);
    predictions.add(chunk, from, to, logits);
  });
}

function describeUpdate(
  from: Artifact,
  design: DesignMatrix,
  learnt: Learnt,
  data: { fingerprint: string; lastId: bigint; golden: readonly GoldenRow[]; account: RowAccount },
): ArtifactMetadata {
  const before = from.metadata;
  const { mean, precision } = learnt.prior;
  const coefficients = Array.from(mean.subarray(0, mean.length - 1), (value) => value + 0);
  const intercept = mean[mean.length - 1] + 0;
  const { clicks: [clicks], weights: [weight], clickWeights: [clickWeight] } = partSumsOf(design);
  const { weights } = before.data;
  return {
    ...before,
    coefficients,
    intercept,
    precision: packPrecision(precision),
    data: {
      fingerprint: data.fingerprint,
      last_id: String(data.lastId),
      rows: withNewRows(before.data.rows, design.partRows[0], data.account),
      clicks: { ...before.data.clicks, train: before.data.clicks.train + clicks },
      ...(weights === undefined ? {} : {
        weights: {
          rows: { ...weights.rows, train: weights.rows.train + weight },
          clicks: { ...weights.clicks, train: weights.clicks.train + clickWeight },
        },
      }),
    },
    metrics: learnt.progressive,
    update: {
      from: from.id,
      rows: design.partRows[0],
      log_loss_unchanged: learnt.unchanged.log_loss,
      read: data.account.read,
      no_label: data.account.noLabel,
      zero_weight: data.account.zeroWeight,
    },
    notes: [...before.notes, ...updateNotes(from, data.account)],
    solver: {
      name: "newton",
      iterations: learnt.iterations,
      gradientMax: learnt.gradientMax,
      objective: learnt.objective,
      ...learnt.convergence,
    },
    golden: goldenOf({ encoder: before.encoder, coefficients, intercept }, data.golden),
  };
}
