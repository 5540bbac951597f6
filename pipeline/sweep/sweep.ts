import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ArtifactMetadata, Metrics } from "../model/artifact_metadata.ts";
import { crossValidate, type Trial } from "./cross_validate.ts";
import { Failure } from "../failure.ts";
import type { Candidate, Path } from "./grid.ts";
import { chooseBest, type LeaderboardEntry, leaderboardOf } from "./leaderboard.ts";
import { attachDesign } from "../fit/passes.ts";
import type { ModelRow, Models } from "../model/registry.ts";
import type { RowAccount } from "../examples/row_account.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";
import type { Store } from "../store/store.ts";
import { openJournal, type SweepJournal } from "./sweep_journal.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { rowCountsOf } from "../train/class_counts.ts";
import type { TrainObserver } from "../train/fit_model.ts";
import { type HyperParameters, penaltyOf } from "../train/hyper_parameters.ts";
import { type Seconds, type StageClock, startClock } from "../train/stage_clock.ts";
import { version } from "../version.ts";
import { cacheOptionsOf, openTrainingResources, type ResourceOptions } from "../train/training_resources.ts";
import { activateBest, type BestModel, trainBest } from "./best_model.ts";
import { type PreparedFolds, prepareFolds, type PrepareFoldsOptions } from "./prepare_folds.ts";

export interface SweepOptions extends ResourceOptions, PrepareFoldsOptions {
  /** Candidates, as `gridOf` or `drawCandidates` returns them. */
  readonly paths: readonly Path[];
  /** Largest entry of the gradient at which the fits of the cross-validation end. */
  readonly gradientTolerance: number;
  /** Selects the strongest penalty within one standard error of the best. */
  readonly oneStandardError: boolean;
  /**
   * Searches for tables, and compares them with the best candidate, which stays unless they are better.
   *
   * @property budget The time budget as it was given, for the key; `isOver` is of its clock.
   */
  readonly tables?: { readonly budget?: string | undefined; readonly isOver?: (() => boolean) | undefined };
  /** Puts the best candidate's model in production; the first model of a registry is put there in any case. */
  readonly activate: boolean;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  readonly observe?: SweepObserver;
}

export interface SweepObserver extends TrainObserver {
  /** Called once, after the data is read: the file of results, and the number of candidates that earlier runs have done. */
  resumed?(from: { readonly path: string; readonly done: number; readonly total: number }): void;
  /** Called after each candidate, with the leaderboard that includes it. */
  tried?(candidate: Candidate, leaderboard: readonly LeaderboardEntry[]): void;
}

export interface SweepReport {
  /** Hash of the data, the candidates and everything else that the results depend on. */
  readonly key: string;
  /** All candidates, the best first. */
  readonly leaderboard: readonly LeaderboardEntry[];
  readonly best: LeaderboardEntry;
  /** The best candidate's model, trained on all training rows. */
  readonly model: ModelRow;
  readonly metrics: Metrics;
  /** The model's notes, as in its metadata. */
  readonly notes: readonly string[];
  /** Leaks, whose texts are among the notes. */
  readonly warnings: BestModel["warnings"];
  readonly search?: BestModel["search"];
  /** Rows of the cross-validation, and of the best candidate's training. */
  readonly rows: ArtifactMetadata["data"]["rows"];
  readonly account: RowAccount;
  /** Whether the model is in production now. */
  readonly active: boolean;
  /** Number of candidates that earlier runs had done. */
  readonly resumed: number;
  /** `fit` is the duration of the cross-validation, `train` that of the best candidate's training. */
  readonly seconds: Seconds & { readonly train: number };
}

/**
 * Cross-validates candidates on the store's training rows, trains the best one on all of them and registers it. Each
 * candidate's result is kept in `<dataDir>/sweeps/<key>.ndjson`; running the same sweep again resumes from that file.
 *
 * The encoder is fitted once, on all training rows, and not per fold: it sees no label (a level's column depends on its
 * number of rows, a numeric field's scale on its values), and so the folds share one design.
 *
 * @throws {Failure} As `train`; `not-converged` if no candidate could be fitted; `file-invalid`, `file-unwritable` for
 *   the file of results.
 */
export async function sweep(
  store: Store,
  dataDir: string,
  models: Models,
  options: SweepOptions,
): Promise<SweepReport> {
  const clock = startClock();
  const { key, journal, resumed, leaderboard, rows, account } = await validateCandidates(
    store,
    dataDir,
    options,
    clock,
  );
  try {
    const best = requireBest(leaderboard, options);
    const trained = await trainAndRecord(store, models, journal, { ...options, best });
    const active = await activateBest(models.registry, trained.model, key, options);
    const seconds = { ...clock.seconds(), train: trained.seconds };
    return {
      key,
      leaderboard,
      best,
      model: trained.model,
      metrics: trained.metrics,
      notes: trained.notes,
      warnings: trained.warnings,
      ...(trained.search ? { search: trained.search } : {}),
      rows,
      account,
      active,
      resumed,
      seconds,
    };
  } finally {
    journal.close();
  }
}

interface ValidatedCandidates {
  readonly key: string;
  /** Still open. */
  readonly journal: SweepJournal;
  /** Number of candidates that earlier runs had done. */
  readonly resumed: number;
  readonly leaderboard: readonly LeaderboardEntry[];
  readonly rows: ArtifactMetadata["data"]["rows"];
  readonly account: RowAccount;
}

/** Cross-validates all candidates. Its threads and examples are released before the best candidate is trained. */
async function validateCandidates(
  store: Store,
  dataDir: string,
  options: SweepOptions,
  clock: StageClock,
): Promise<ValidatedCandidates> {
  const resources = openTrainingResources(store, options);
  let journal: SweepJournal | undefined;
  try {
    const { fingerprint, ...prepared } = await prepareFolds(store, options, resources, clock);
    const settings = settingsOf(options, fingerprint);
    const key = createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 16);
    const total = options.paths.flat().length;
    journal = openJournal(join(dataDir, "sweeps"), key, settings, {
      candidateCount: total,
      foldCount: options.foldCount,
      coefficientCount: prepared.folded.design.columnCount + 1,
    });
    const resumed = journal.trials.size;
    options.observe?.resumed?.({ path: journal.path, done: resumed, total });
    const leaderboard = await validate(prepared, resources.threads, journal, options);
    clock.lap("fit");
    const { account, counts } = prepared;
    return { key, journal, resumed, leaderboard, rows: rowCountsOf(counts, account), account };
  } catch (error) {
    journal?.close();
    throw error;
  } finally {
    resources.close();
  }
}

/** Returns all that the results of the cross-validation depend on. */
function settingsOf(options: SweepOptions, fingerprint: string): Record<string, unknown> {
  const { spec, paths, hyperParameters, foldCount, gradientTolerance } = options;
  const { seed, testShare, split, matureSeconds, negatives, classWeight, iterationsMax, calibrate } =
    hyperParameters;
  return {
    program: version,
    fingerprint,
    spec,
    paths,
    folds: foldCount,
    seed,
    testShare,
    // Left out of the text, and so of the key, if they are undefined.
    split,
    matureSeconds,
    negatives,
    classWeight,
    // Of the best model alone, which a sweep that is run again does not train again.
    calibrate: calibrate === "none" ? undefined : calibrate,
    intervals: hyperParameters.intervals,
    gradientTolerance,
    iterationsMax,
    // As of `split`: without tables the key is that of earlier versions.
    tables: options.tables && { budget: options.tables.budget ?? null },
  };
}

async function validate(
  { folded, counts }: Pick<PreparedFolds, "folded" | "counts">,
  threads: Threads,
  journal: SweepJournal,
  { paths, hyperParameters, gradientTolerance, signal, observe }: SweepOptions,
): Promise<readonly LeaderboardEntry[]> {
  const candidates = paths.flat();
  const trials = new Map<number, Trial>(journal.trials);
  const leaderboard = () =>
    leaderboardOf([...trials].map(([index, outcome]) => ({ candidate: candidates[index], outcome })));
  const checkpoint = () => {
    if (signal?.aborted) throw interrupted(trials.size, candidates.length, journal.path);
  };
  const { negatives, classWeight, iterationsMax } = hyperParameters;
  const validation = crossValidate({
    attached: await attachDesign(folded.design, threads),
    folded,
    paths: paths.map((path) => path.map((candidate) => penaltyOf(withCandidate(hyperParameters, candidate)))),
    known: journal.trials,
    gradientTolerance,
    iterationsMax,
    correction: { sums: counts.sums, negatives, classWeight },
    checkpoint,
  });
  for await (const trial of validation) {
    journal.addTrial(trial);
    trials.set(trial.index, trial);
    observe?.tried?.(candidates[trial.index], leaderboard());
    observe?.stage?.({
      stage: "cross-validating",
      done: trials.size,
      total: candidates.length,
      unit: "candidates",
    });
    // With a single thread nothing else is awaited: without this pause, Ctrl-C would have no effect.
    await yieldToEventLoop();
    checkpoint();
  }
  return leaderboard();
}

function interrupted(done: number, total: number, path: string): Failure {
  return new Failure(
    "interrupted",
    `Interrupted: ${done} of ${total} candidates are done and saved in ${path}. Run the same command to resume.`,
  );
}

/** Returns the base hyper-parameters with those that the candidate names replaced. */
function withCandidate(
  base: HyperParameters,
  { penalty, C = base.C, l1Ratio = base.l1Ratio }: Candidate,
): HyperParameters {
  return { ...base, penalty, C, l1Ratio };
}

function requireBest(leaderboard: readonly LeaderboardEntry[], options: SweepOptions): LeaderboardEntry {
  const best = chooseBest(leaderboard, options);
  if (best) return best;
  const [{ outcome }] = leaderboard;
  throw new Failure(
    "not-converged",
    `None of the ${leaderboard.length} candidates could be fitted. The first: ${
      "failure" in outcome ? outcome.failure : ""
    }`,
  );
}

/** Trains the best candidate and records the id of its model in the journal. */
async function trainAndRecord(
  store: Store,
  models: Models,
  journal: SweepJournal,
  options: SweepOptions & { best: LeaderboardEntry },
): Promise<BestModel> {
  const { best: { candidate }, spec, threads, memoryBytes, now, signal, observe, paths, hyperParameters } =
    options;
  const { tables } = options;
  const index = paths.flat().indexOf(candidate);
  const knownId = journal.models.get(index);
  const trained = await trainBest(store, models, knownId, {
    spec,
    hyperParameters: {
      ...withCandidate(hyperParameters, candidate),
      ...(tables ? { features: "auto" } : {}),
    },
    ...(tables?.isOver ? { isOver: tables.isOver } : {}),
    ...(threads === undefined ? {} : { threads }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...cacheOptionsOf(options),
    now,
    ...(signal ? { signal } : {}),
    ...(observe ? { observe } : {}),
  });
  if (trained.model.modelId !== knownId) journal.addModel(index, trained.model.modelId);
  return trained;
}
