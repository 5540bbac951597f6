import { dirname } from "node:path";
import { type ChunkStore, createChunkStore } from "../chunks/chunk_store.ts";
import { tellsOutcome } from "../examples/leaks/leak_warning.ts";
import { readCachedExamples } from "../examples/cache/cached_examples.ts";
import { requireAccounted } from "../examples/row_account.ts";
import type { RawExamples } from "../examples/raw_examples.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";
import { balance, corrected } from "../fit/class_balance.ts";
import { evaluatedParts } from "../fit/evaluate.ts";
import { evaluateByTime } from "../fit/evaluate_by_time.ts";
import { probabilitiesOf } from "../fit/row_probabilities.ts";
import { pureColumns } from "../fit/separation.ts";
import { createTrace } from "../report/trace.ts";
import { reportedRows, reportOfTraining } from "../report/training_report.ts";
import type { Models } from "../model/registry.ts";
import { runCooperatively } from "../runtime/steps.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import type { Store } from "../store/store.ts";
import { type ClassCounts, requireBothClasses, usedRows } from "./class_counts.ts";
import { fitModel, readObserver, requireInseparable, tracedBy, type TrainObserver } from "./fit_model.ts";
import { calibrateIfAsked, calibrationChoice } from "./calibrated_model.ts";
import { featureEffects } from "./feature_effects.ts";
import { type FeatureSearch, findFeatures, type FoundFeatures } from "./found/find_features.ts";
import { keepingStages, type KeptSearch } from "./found/kept_search.ts";
import { type HyperParameters, readSpecOf } from "./hyper_parameters.ts";
import { keptDesign } from "./kept_design.ts";
import { testGain, warnOfGain } from "./gain_warning.ts";
import { describe } from "./metadata.ts";
import { uncertaintyOf } from "./uncertainty.ts";
import { encodingNotes, heldOutNotes, minibatchNotes, warnOfAuc, weightNotes } from "./notes.ts";
import { type Prepared, prepareInSteps } from "./prepare.ts";
import { register, type RegisterOptions, type TrainedModel, type TrainReport } from "./register.ts";
import { type StageClock, startClock } from "./stage_clock.ts";
import {
  cacheOptionsOf,
  openTrainingResources,
  type ResourceOptions,
  type TrainingResources,
} from "./training_resources.ts";

export interface TrainOptions extends ResourceOptions, RegisterOptions {
  readonly spec: FeatureSpec;
  readonly hyperParameters: HyperParameters;
  /** Whether a search for tables has to end after the stage at hand. */
  readonly isOver?: () => boolean;
  readonly observe?: TrainObserver;
}

/** Trains a model on the store's examples and registers it. @throws {Failure} as `trainModel`; `store-busy`, `store-full`. */
export async function train(store: Store, models: Models, options: TrainOptions): Promise<TrainReport> {
  return await register(models, await trainModel(store, options), options);
}

/**
 * Trains on the store's examples: read → split and encode → fit → evaluate. The result depends only on the examples, the
 * spec, the hyper-parameters and the program's version.
 *
 * @param prepared Examples that have been prepared already; the store is then not read.
 * @throws {Failure} `examples-invalid`, `not-converged`, `separable`, `interrupted`.
 */
export async function trainModel(
  store: Store,
  options: TrainOptions,
  prepared?: Prepared,
): Promise<TrainedModel> {
  const spec = readSpecOf(options.spec, options.hyperParameters);
  let kept: ReturnType<typeof keptDesign> | undefined;
  return await trainRead(
    store,
    options,
    async ({ threads, budget }) => {
      if (prepared) return prepared;
      const cache = { ...cacheOptionsOf(options), budget, ...readObserver(options) };
      kept = keptDesign(store, spec, options.hyperParameters, cache);
      return await kept.load() ?? await readCachedExamples(store, spec, threads, cache);
    },
    (made) => kept?.keep(made),
  );
}

/**
 * Trains on examples wherever they come from, as `trainModel`.
 *
 * @param place A file beside which chunks are spilled.
 * @param read Reads the examples, or returns prepared ones.
 * @param keep Called with examples that were prepared here.
 */
export async function trainRead(
  place: Pick<Store, "path">,
  options: PreparedOptions & ResourceOptions,
  read: (resources: TrainingResources) => Promise<Prepared | RawExamples>,
  keep: (prepared: Prepared) => Promise<void> | undefined = () => undefined,
): Promise<TrainedModel> {
  const { spec, hyperParameters, signal } = options;
  const clock = startClock();
  const resources = openTrainingResources(place, options);
  const { threads, budget, close } = resources;
  const chunkStore = createChunkStore(budget);
  try {
    const examples = await read(resources);
    clock.lap("read");
    const isPrepared = "design" in examples;
    const ready = isPrepared
      ? examples
      : await runCooperatively(prepareInSteps(examples, spec, hyperParameters, chunkStore), signal, threads);
    if (!isPrepared) await keep(ready);
    const search = { dataDir: dirname(place.path), rows: ready.fingerprint, spec, hyperParameters };
    return await keepingStages(
      search,
      (kept) => trainPrepared(ready, { threads, chunkStore, clock, ...kept ? { kept } : {} }, options),
    );
  } finally {
    close();
  }
}

/** Resources that training on prepared examples uses. */
export interface TrainingContext {
  readonly threads: Threads;
  readonly chunkStore: ChunkStore;
  readonly clock: StageClock;
  /** Where the stages of a search are kept until it ends; absent if they are not. */
  readonly kept?: KeptSearch;
}

/** Options of a training on prepared examples. */
export type PreparedOptions = Pick<
  TrainOptions,
  "spec" | "hyperParameters" | "isOver" | "signal" | "observe"
>;

/** @throws {Failure} as `trainModel`. */
export async function trainPrepared(
  prepared: Prepared,
  { threads, chunkStore, clock, kept }: TrainingContext,
  options: PreparedOptions,
): Promise<TrainedModel> {
  const { design: encoded, account } = prepared;
  requireAccounted(account, usedRows(encoded));
  const counts = requireBothClasses(encoded);
  const { rows, clicks, sums, baseRate } = counts;
  requireInseparable(prepared.pooled, sums.rows.train);
  clock.lap("encode");
  const trace = createTrace();
  const fitted = await fitPrepared(prepared, counts, { threads, chunkStore, ...kept ? { kept } : {} }, {
    ...options,
    observe: tracedBy(trace, options.observe),
  });
  const { spec, hyperParameters, design, encoder, pooled, fixedAtZero, search, fit } = fitted;
  clock.lap("fit");
  const uncertainty = fitted.draws
    ? { draws: fitted.draws }
    : await uncertaintyOf(design, threads, fit, hyperParameters);
  const solution = { ...fit, coefficients: corrected(fit.coefficients, sums, hyperParameters) };
  const { coefficients, network } = solution;
  const { budget } = chunkStore;
  const known = await probabilitiesOf(design, evaluatedParts(design), solution, { threads, budget });
  // A calibration gives other probabilities, or the rows another order.
  const isFinal = calibrationChoice(hyperParameters, fitted.outOfFold !== undefined) === "none";
  const { sampled } = prepared;
  const rowsOfFit = isFinal
    ? await reportedRows({ design, encoder, coefficients, known, baseRate, sampled, threads }, counts)
    : undefined;
  const metrics = rowsOfFit?.metrics ?? evaluateByTime(design, known, baseRate);
  // An AUC that is too good is explained by the columns that give the outcome away.
  const isExplained = rows.test === 0 || prepared.warnings.some(tellsOutcome);
  const effects = network === undefined ? featureEffects(design, encoder, coefficients) : undefined;
  const { calibrationNotes, heldOut, ...calibrated } = await calibrateIfAsked({
    ...{ uncertainty, design, encoder, solution, threads, counts, chunkStore, metrics, baseRate },
    outOfFold: fitted.outOfFold,
  }, { ...options, hyperParameters });
  const warnings = [
    ...prepared.warnings,
    ...(isExplained ? [] : warnOfAuc({ design, encoder, coefficients, baseRate, metrics })),
    ...warnOfGain({
      ...{ rows, clicks, columnCount: encoder.columnCount, metrics: calibrated.metrics },
      test: rows.test > 0 ? testGain(heldOut, baseRate) : undefined,
    }),
  ];
  const notes = [
    ...prepared.notes,
    ...warnings.map(({ text }) => text),
    ...encodingNotes(pooled, encoder, fixedAtZero),
    ...weightNotes(rows.train, sums.rows.train),
    ...heldOutNotes({ testShare: hyperParameters.testShare, rows: rows.test, ones: clicks.test }),
    ...minibatchNotes(solution, hyperParameters),
    ...fitted.notes,
    ...calibrationNotes,
  ];
  const metadata = describe({ ...prepared, ...counts, encoder, spec, ...calibrated, notes, warnings });
  return {
    metadata,
    report: await reportOfTraining({
      ...{ encoder, metadata, baseRate, sampled, axes: fitted.axes, threads, budget },
      design: calibrated.design,
      rows: rowsOfFit,
      trace: trace.steps(),
    }),
    account,
    ...(effects ? { effects } : {}),
    ...(search ? { search } : {}),
    seconds: clock.seconds(),
  };
}

/** What was fitted to the training rows: the columns of the plain spec, or tables that were found. */
interface FittedDesign extends FoundFeatures {
  readonly fixedAtZero: readonly number[];
  readonly search?: FeatureSearch;
}

async function fitPrepared(
  { encoder, design: encoded, pooled, binned }: Prepared,
  { sums, baseRate }: ClassCounts,
  { threads, chunkStore, kept }: Omit<TrainingContext, "clock">,
  options: PreparedOptions,
): Promise<FittedDesign> {
  const { spec, hyperParameters: given } = options;
  const design = given.classWeight === "balanced" ? balance(encoded, sums, chunkStore) : encoded;
  const { search, found } = binned
    ? await findFeatures(binned, design, { threads, chunkStore, sums, baseRate, kept }, options)
    : {};
  if (search && found) return { ...found, fixedAtZero: [], search };
  // The plain spec that stays is the same model without a search, and has the intervals of one.
  const { features: _, intervals, ...others } = given;
  const hyperParameters = {
    ...others,
    ...intervals === undefined || (search && intervals === "bootstrap") ? {} : { intervals },
  };
  const fixedAtZero = hyperParameters.penalty === "none" ? pureColumns(design, [trainPart]) : [];
  const fit = await fitModel(design, encoder, fixedAtZero, threads, { ...options, hyperParameters });
  const { tables: __, ...plain } = spec;
  const own = { design, encoder, pooled, spec: plain, hyperParameters, fit, notes: [], fixedAtZero };
  return search ? { ...own, search } : own;
}
