import { createChunkStore } from "../chunks/chunk_store.ts";
import { plainFields } from "../chunks/chunk_file.ts";
import type { Artifact } from "../model/artifact.ts";
import { type ArtifactMetadata, baseRateOf } from "../model/artifact_metadata.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";
import { encodeWithInSteps } from "../encode/encode.ts";
import { readExamples } from "../examples/examples.ts";
import { fingerprintOf } from "../examples/fingerprint.ts";
import {
  createPredictionAccumulator,
  type PredictionAccumulator,
} from "../evaluate/prediction_accumulator.ts";
import { forLogits } from "../fit/logits.ts";
import { createPasses } from "../fit/passes.ts";
import { collectProbabilities, type RowProbabilities } from "../fit/row_probabilities.ts";
import { usageInvalid } from "../failure.ts";
import { evaluatePoint, type Prior } from "../fit/penalised.ts";
import { packPrecision } from "../model/packed_precision.ts";
import { probabilityOf } from "../model/predictor.ts";
import type { Convergence } from "../fit/certificate.ts";
import { requireConverged } from "../fit/convergence.ts";
import { solveNewton } from "../fit/newton.ts";
import type { Models } from "../model/registry.ts";
import { requireAccounted, type RowAccount } from "../examples/row_account.ts";
import { runCooperatively } from "../runtime/steps.ts";
import type { Store } from "../store/store.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { goldenOf, type GoldenRow, pickGolden } from "../model/golden.ts";
import { partSumsOf } from "./class_counts.ts";
import { register, type TrainReport } from "./register.ts";
import type { TrainOptions } from "./train.ts";
import { startClock } from "./stage_clock.ts";
import { continuationOf, nothingNew, updateNotes, withNewRows } from "./continuation.ts";
import { readObserver, tracedBy } from "./fit_model.ts";
import { sampleRows } from "../report/sampled_rows.ts";
import { createTrace } from "../report/trace.ts";
import { reportOfTraining } from "../report/training_report.ts";
import { trainPart } from "../examples/split.ts";
import { openTrainingResources } from "./training_resources.ts";

/** New rows are fitted in at most this many batches; each is predicted before it is fitted. */
const batchesMax = 20;
const batchRowsMin = 1_000;

export type UpdateOptions = Omit<TrainOptions, "spec" | "hyperParameters">;

/**
 * Continues training a model on new rows: those with a greater id than any it was trained on.
 *
 * The model serves as a normal prior of the coefficients: their values, and the precision that the artifact keeps. In
 * batches, the new rows are first predicted (progressive validation) and then fitted by Newton's method from the last
 * coefficients; the batch's Hessian is added to the precision. The encoder does not change: new levels are unseen.
 *
 * @throws {Failure} `examples-invalid` if there are no new rows, `usage-invalid` if the model keeps no precision.
 * @see Spiegelhalter & Lauritzen, Sequential Updating of Conditional Probabilities (1990), for the approximation.
 */
export async function update(
  store: Store,
  models: Models,
  from: Artifact,
  options: UpdateOptions,
): Promise<TrainReport> {
  const clock = startClock();
  const { threads, budget, close } = openTrainingResources(store, options);
  try {
    requirePlain(from);
    const { spec, after, prior } = continuationOf(from);
    const raw = await readExamples(store, spec, threads, {
      after,
      budget,
      types: from.metadata.encoder.features.flatMap((feature) =>
        "values" in feature ? [feature.values] : feature.type === "categorical" ? [undefined] : []
      ),
      ...readObserver(options),
    });
    const { rowCount, lastId = after, account } = raw;
    if (rowCount === 0) throw nothingNew(from.id, spec, after, account);
    clock.lap("read");
    const fingerprint = fingerprintOf(raw);
    const goldenRows = pickGolden(raw, spec);
    const sampled = sampleRows(raw, spec, allNew, 0);
    const chunkStore = createChunkStore(budget);
    const { encoder } = from.metadata;
    const encoding = encodeWithInSteps(raw, encoder, allNew, { chunkStore, withGroups: true });
    const design = await runCooperatively(encoding, options.signal, threads);
    clock.lap("encode");
    requireAccounted(account, design.partRows[0]);
    const trace = createTrace();
    const observe = tracedBy(trace, options.observe);
    const fitted = await fitBatches(design, prior, threads, from.metadata, { ...options, observe });
    clock.lap("fit");
    const metadata = describeUpdate(from, design, fitted, {
      fingerprint,
      lastId,
      golden: goldenRows,
      account,
    });
    const { progressive } = fitted;
    // Rows of one label only are not enough to evaluate on.
    const report = hasBothLabels(design)
      ? await reportOfTraining({
        ...{ design, encoder, metadata, sampled, threads, budget },
        progressive,
        baseRate: baseRateOf(from.metadata),
        trace: trace.steps(),
      })
      : undefined;
    const trained = { metadata, account, seconds: clock.seconds(), ...(report ? { report } : {}) };
    return await register(models, trained, options);
  } finally {
    close();
  }
}

/** @throws {Failure} `usage-invalid` */
function requirePlain({ id, metadata: { encoder } }: Artifact): void {
  if (!encoder.tables) return;
  throw usageInvalid(
    `${id} is a model of curves and tables, which new rows alone cannot continue. Make the same tables of all rows, without a ` +
      "search: clickwell models show MODEL --spec > features.json, then clickwell train --spec features.json",
  );
}

/** The result of fitting all batches. */
interface FittedBatches {
  readonly prior: Prior;
  readonly iterations: number;
  readonly gradientMax: number;
  /** Convergence of the batch that ended farthest from its optimum. */
  readonly convergence: Convergence;
  readonly objective: number;
  /** Probability of each new row before it was fitted, in the order of the design; and their metrics. */
  readonly progressive: RowProbabilities;
  readonly metrics: Metrics;
  /** Metrics of the new rows, predicted by the original model. */
  readonly unchanged: Metrics;
}

type Metrics = ArtifactMetadata["metrics"];

async function fitBatches(
  design: DesignMatrix,
  prior: Prior,
  threads: Threads,
  from: ArtifactMetadata,
  { observe, signal }: UpdateOptions,
): Promise<FittedBatches> {
  const { hyperParameters } = from;
  const baseRate = baseRateOf(from);
  const before = prior.mean;
  const predicted = createPredictionAccumulator(design.partRows[0]);
  const progressive = collectProbabilities(design, [trainPart]);
  const unchanged = createPredictionAccumulator(design.partRows[0]);
  let [iterations, gradientMax, objective] = [0, 0, 0];
  let convergence: Convergence = {};
  for (const batch of batchesOf(design)) {
    signal?.throwIfAborted();
    addPredictions(batch, prior.mean, (chunk, from, to, probabilities) => {
      predicted.add(chunk, from, to, probabilities);
      progressive.add(probabilities);
    });
    addPredictions(batch, before, unchanged.add);
    const passes = await createPasses(batch, [0], threads);
    const options = {
      penalty: { l2: 0, l1: 0, prior },
      start: prior.mean,
      gradientTolerance: Number(hyperParameters.tolerance),
      iterationsMax: Number(hyperParameters.iterationsMax),
    };
    const solution = await solveNewton(passes, options);
    requireConverged(solution, options, { what: "The update", help: "Train on all rows instead." });
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
    progressive: progressive.known,
    metrics: predicted.metrics(baseRate),
    unchanged: unchanged.metrics(baseRate),
  };
}

/** Returns the convergence whose remaining step is larger. */
function weaker(a: Convergence, b: Convergence): Convergence {
  return (b.step ?? 0) >= (a.step ?? 0) ? b : a;
}

/** Divides the rows into batches of consecutive chunks. */
function batchesOf(design: DesignMatrix): DesignMatrix[] {
  const rows = design.partRows[0];
  const rowsPerBatch = Math.max(batchRowsMin, Math.ceil(rows / batchesMax));
  const batches: DesignMatrix[] = [];
  let chunks: DesignMatrix["chunks"][number][] = [];
  let count = 0;
  for (const chunk of design.chunks) {
    chunks.push(chunk);
    count += plainFields(chunk).partEnds[0];
    if (count < rowsPerBatch) continue;
    batches.push({ ...design, chunks, partRows: [count] });
    [chunks, count] = [[], 0];
  }
  if (count > 0) batches.push({ ...design, chunks, partRows: [count] });
  return batches;
}

/** Adds the predictions of the rows at the given coefficients. */
function addPredictions(
  design: DesignMatrix,
  coefficients: Float64Array,
  add: PredictionAccumulator["add"],
): void {
  forLogits(design, [0], coefficients, (chunk, from, to, logits) => {
    for (let i = 0; i < logits.length; i++) logits[i] = probabilityOf(logits[i]);
    add(chunk, from, to, logits);
  });
}

/** All rows are new, and trained on. */
const allNew = { partCount: 1, partOf: () => trainPart };

function hasBothLabels(design: DesignMatrix): boolean {
  const [clicks] = partSumsOf(design).clicks;
  return clicks > 0 && clicks < design.partRows[0];
}

function describeUpdate(
  from: Artifact,
  design: DesignMatrix,
  fitted: FittedBatches,
  data: { fingerprint: string; lastId: bigint; golden: readonly GoldenRow[]; account: RowAccount },
): ArtifactMetadata {
  const before = from.metadata;
  const { mean, precision } = fitted.prior;
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
    metrics: fitted.metrics,
    update: {
      from: from.id,
      rows: design.partRows[0],
      log_loss_unchanged: fitted.unchanged.log_loss,
      read: data.account.read,
      no_label: data.account.noLabel,
      zero_weight: data.account.zeroWeight,
    },
    notes: [...before.notes, ...updateNotes(from, data.account)],
    solver: {
      name: "newton",
      iterations: fitted.iterations,
      gradientMax: fitted.gradientMax,
      objective: fitted.objective,
      ...fitted.convergence,
    },
    golden: goldenOf({ encoder: before.encoder, coefficients, intercept }, data.golden),
  };
}
