import { dirname } from "node:path";
import { type ChunkStore, createChunkStore } from "../chunks/chunk_store.ts";
import { tellsOutcome } from "../examples/leaks/leak_warning.ts";
import { readCachedExamples } from "../examples/cache/cached_examples.ts";
import { requireAccounted, type RowAccount } from "../examples/row_account.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { trainPart } from "../examples/split.ts";
import { balance, corrected } from "../fit/class_balance.ts";
import { evaluateByTime } from "../fit/evaluate.ts";
import { pureColumns } from "../fit/separation.ts";
import { Failure } from "../failure.ts";
import { type Artifact, type ArtifactStore, makeArtifact } from "../model/artifact.ts";
import { formatReport, reportName } from "../report/report_file.ts";
import { createTrace } from "../report/trace.ts";
import { reportOfTraining, type TrainingReport } from "../report/training_report.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import type { Assignment, ModelRow, Models } from "../model/registry.ts";
import { runCooperatively } from "../runtime/steps.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import type { Store } from "../store/store.ts";
import { type ClassCounts, requireBothClasses, usedRows } from "./class_counts.ts";
import { fitModel, readObserver, requireInseparable, tracedBy, type TrainObserver } from "./fit_model.ts";
import { calibrateIfAsked } from "./calibrated_model.ts";
import { type FeatureEffect, featureEffects } from "./feature_effects.ts";
import { type FeatureSearch, findFeatures, type FoundFeatures } from "./found/find_features.ts";
import { keepingStages, type KeptSearch } from "./found/kept_search.ts";
import type { HyperParameters } from "./hyper_parameters.ts";
import { describe } from "./metadata.ts";
import { uncertaintyOf } from "./uncertainty.ts";
import { encodingNotes, heldOutNotes, minibatchNotes, warnOfAuc, weightNotes } from "./notes.ts";
import { type Prepared, prepareInSteps } from "./prepare.ts";
import { type Seconds, type StageClock, startClock } from "./stage_clock.ts";
import { cacheOptionsOf, openTrainingResources, type ResourceOptions } from "./training_resources.ts";

export interface TrainOptions extends ResourceOptions {
  readonly spec: FeatureSpec;
  readonly hyperParameters: HyperParameters;
  /**
   * Whether to put the model in production, where the first model of a registry is put in any case. Default: if its fields
   * are others than those of the model there.
   */
  readonly activate?: boolean;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  /** Whether a search for tables has to end after the stage at hand. */
  readonly isOver?: () => boolean;
  readonly signal?: AbortSignal;
  readonly observe?: TrainObserver;
}

export interface TrainReport {
  readonly model: ModelRow;
  readonly artifact: Artifact;
  /** Counts of the rows that were read, by what was done with them. */
  readonly account: RowAccount;
  /** Whether the model is in production now. */
  readonly active: boolean;
  /** The assignment that is in effect now: of this model, or of an earlier one. */
  readonly production: Assignment;
  /** How much each feature moves the predictions; absent where that is not known. */
  readonly effects?: readonly FeatureEffect[];
  /** Present if curves and tables were found, or searched for. */
  readonly search?: FeatureSearch;
  readonly seconds: Seconds;
}

/** The result of training, not yet written or registered. */
export interface TrainedModel {
  readonly metadata: ArtifactMetadata;
  /** Absent for a model that continues another one with rows of one label. */
  readonly report?: TrainingReport;
  readonly account: RowAccount;
  /** Absent for a model with hidden layers, where features act together, and for one that continues another. */
  readonly effects?: readonly FeatureEffect[];
  readonly search?: FeatureSearch;
  readonly seconds: Seconds;
}

/** Trains a model on the store's examples and registers it. @throws {Failure} as `trainModel`; `store-busy`, `store-full`. */
export async function train(store: Store, models: Models, options: TrainOptions): Promise<TrainReport> {
  return await register(models, await trainModel(store, options), options);
}

/**
 * Writes a trained model's files, registers the model and, if asked for, puts it in production.
 *
 * @throws {Failure} `interrupted`, `file-unwritable`, `artifacts-unavailable`, `store-busy`, `store-full`.
 */
export async function register(
  models: Models,
  { metadata, report, account, effects, search, seconds }: TrainedModel,
  options: Pick<TrainOptions, "activate" | "now" | "signal">,
): Promise<TrainReport> {
  options.signal?.throwIfAborted();
  const artifact = makeArtifact(metadata);
  await models.artifacts.write(
    artifact,
    report ? { [reportName]: formatReport({ ...report, model_id: artifact.id }) } : {},
  );
  const model = await models.registry.registerModel(artifact, options.now);
  const production = await activate(models, artifact, options);
  const active = production.modelId === model.modelId;
  return {
    model,
    artifact,
    account,
    active,
    production,
    ...(effects ? { effects } : {}),
    ...(search ? { search } : {}),
    seconds,
  };
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
  const { spec, hyperParameters, signal } = options;
  const clock = startClock();
  const { threads, budget, close } = openTrainingResources(store, options);
  const chunkStore = createChunkStore(budget);
  const read = async () => {
    const raw = await readCachedExamples(store, spec, threads, {
      ...cacheOptionsOf(options),
      budget,
      observe: readObserver(options),
    });
    clock.lap("read");
    return await runCooperatively(prepareInSteps(raw, spec, hyperParameters, chunkStore), signal, threads);
  };
  try {
    const ready = prepared ?? await read();
    const search = { dataDir: dirname(store.path), rows: ready.fingerprint, spec, hyperParameters };
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
  const uncertainty = await uncertaintyOf(design, threads, fit, hyperParameters);
  const solution = { ...fit, coefficients: corrected(fit.coefficients, sums, hyperParameters) };
  const { coefficients, network } = solution;
  const metrics = evaluateByTime(design, solution, baseRate);
  // An AUC that is too good is explained by the columns that give the outcome away.
  const isExplained = rows.test === 0 || prepared.warnings.some(tellsOutcome);
  const warnings = [
    ...prepared.warnings,
    ...(isExplained ? [] : warnOfAuc({ design, encoder, coefficients, baseRate, metrics })),
  ];
  const effects = network === undefined ? featureEffects(design, encoder, coefficients) : undefined;
  const { calibrationNotes, design: evaluated, ...calibrated } = await calibrateIfAsked({
    ...uncertainty,
    ...{ design, encoder, solution, threads, counts, chunkStore, metrics, baseRate },
    outOfFold: fitted.outOfFold,
  }, { ...options, hyperParameters });
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
  const parts = { ...prepared, ...counts, encoder, spec, ...calibrated, notes, warnings };
  const metadata = describe(parts);
  return {
    metadata,
    report: reportOfTraining({
      ...{ design: evaluated, encoder, metadata, baseRate, axes: fitted.axes },
      sampled: prepared.sampled,
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
  const { search, found } = binned
    ? await findFeatures(binned, encoded, { threads, chunkStore, baseRate, kept }, options)
    : {};
  if (search && found) return { ...found, fixedAtZero: [], search };
  // The plain spec that stays is the same model without a search.
  const { features: _, ...hyperParameters } = given;
  const design = hyperParameters.classWeight === "balanced" ? balance(encoded, sums, chunkStore) : encoded;
  const fixedAtZero = hyperParameters.penalty === "none" ? pureColumns(design, [trainPart]) : [];
  const fit = await fitModel(design, encoder, fixedAtZero, threads, { ...options, hyperParameters });
  const { tables: __, ...plain } = spec;
  const own = { design, encoder, pooled, spec: plain, hyperParameters, fit, notes: [], fixedAtZero };
  return search ? { ...own, search } : own;
}

/** The reason in the history of a model that was put in production because of its fields. */
export const otherFieldsReason = "its fields are others than those of the model before";

/** Puts the model in production if it belongs there. @returns The assignment that is in effect now. */
async function activate(
  { artifacts, registry }: Models,
  { id: modelId, metadata }: Artifact,
  options: Pick<TrainOptions, "activate" | "now">,
): Promise<Assignment> {
  const current = await registry.activeModel();
  if (current?.modelId === modelId) return current;
  const reason = current === undefined
    ? "the first model"
    : options.activate
    ? "trained with --activate"
    : options.activate === undefined && await hasOtherFields(metadata, artifacts, current.modelId)
    ? otherFieldsReason
    : undefined;
  if (current !== undefined && reason === undefined) return current;
  const assigned = { modelId, assignedAt: options.now, assignedBy: "clickwell train" };
  return await registry.assign({ ...assigned, ...(reason === undefined ? {} : { reason }) });
}

/** Returns false if the files of the model in production are missing or damaged, too: what it needs is then unknown. */
async function hasOtherFields(
  { encoder }: ArtifactMetadata,
  artifacts: ArtifactStore,
  activeId: string,
): Promise<boolean> {
  const namesOf = ({ features }: Pick<ArtifactMetadata["encoder"], "features">) =>
    JSON.stringify(features.map(({ name }) => name).sort());
  try {
    return namesOf(encoder) !== namesOf((await artifacts.read(activeId)).metadata.encoder);
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
