import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ArtifactMetadata, Metrics } from "../model/artifact_metadata.ts";
import { createChunkStore } from "../chunks/chunk_keeper.ts";
import { balance } from "../fit/class_balance.ts";
import { crossValidate, type Trial } from "./cross_validate.ts";
import { encodeInSteps } from "../encode/encode.ts";
import { readExamples } from "../examples/examples.ts";
import { Failure } from "../failure.ts";
import { fingerprintOf } from "../examples/fingerprint.ts";
import { divideIntoFolds, type FoldedDesign } from "./folds.ts";
import type { Candidate, Path } from "./grid.ts";
import { chooseBest, type LeaderboardEntry, leaderboardOf } from "./leaderboard.ts";
import { attachDesign } from "../fit/passes.ts";
import type { ModelRow, Models } from "../model/registry.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { requireAccounted, type RowAccount } from "../examples/row_account.ts";
import { trainTestSplit } from "../examples/split.ts";
import { runCooperatively, yieldToEventLoop } from "../runtime/event_loop.ts";
import type { Store } from "../store/store.ts";
import { openJournal, type SweepJournal } from "./sweep_journal.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { requireExamples, requireSplit } from "../train/prepare.ts";
import {
  type Counts,
  type HyperParameters,
  penaltyOf,
  requireBothClasses,
  rowsOf,
  type Seconds,
  startClock,
  type TrainObserver,
} from "../train/train.ts";
import { version } from "../version.ts";
import {
  openTrainingResources,
  type ResourceOptions,
  type TrainingResources,
} from "../train/training_resources.ts";
import { activateBest, trainBest, type WinnersModel } from "./winner.ts";

export interface SweepOptions extends ResourceOptions {
  readonly spec: FeatureSpec;
  /** What is tried, as `gridOf` or `drawCandidates` made it. */
  readonly paths: readonly Path[];
  /** What all candidates have in common, and the best one is trained with. */
  readonly hyperParameters: HyperParameters;
  readonly foldCount: number;
  /** Largest entry of the gradient at which the fits of the cross-validation end. */
  readonly gradientTolerance: number;
  /** Chooses the strongest penalty within one standard error of the best. */
  readonly oneStandardError: boolean;
  /** Puts the best one's model in production; the first model of a store is, in any case. */
  readonly activate: boolean;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  readonly signal?: AbortSignal;
  readonly observe?: SweepObserver;
}

export interface SweepObserver extends TrainObserver {
  /** Told once, when the data is read: the file of results, and how many candidates earlier runs have done. */
  resumed?(from: { readonly path: string; readonly done: number; readonly total: number }): void;
  /** Told after each candidate: it, and the leaderboard with it. */
  tried?(candidate: Candidate, leaderboard: readonly LeaderboardEntry[]): void;
}

export interface SweepReport {
  /** Derived from the data, the candidates and all else that the results depend on. */
  readonly key: string;
  /** All candidates, the best first. */
  readonly leaderboard: readonly LeaderboardEntry[];
  readonly best: LeaderboardEntry;
  /** The best one, trained on all training rows. */
  readonly model: ModelRow;
  readonly metrics: Metrics;
  /** What a reader of the model should know, in words. */
  readonly notes: readonly string[];
  /** Of the cross-validation, and of the best one's training. */
  readonly rows: ArtifactMetadata["data"]["rows"];
  readonly account: RowAccount;
  /** Whether the model is in production now. */
  readonly active: boolean;
  /** Candidates that earlier runs had done. */
  readonly resumed: number;
  /** `fit` is the cross-validation's, `train` the best one's. */
  readonly seconds: Seconds & { readonly train: number };
}

/**
 * Cross-validates candidates on the store's training rows, trains the best one on all of them and registers it. Each
 * candidate's result is kept in `<dataDir>/sweeps/<key>.ndjson`: the same sweep goes on from there, or is answered.
 *
 * The encoder is fitted once, on all training rows, and not per fold: it sees no label (a level's column needs a number of
 * rows, a numeric field's scale its values), and the folds share one design.
 *
 * @throws {Failure} As `train`; `not-converged` where no candidate could be fitted; `file-invalid`, `file-unwritable` for
 *   the file of results.
 */
export async function sweep(
  store: Store,
  dataDir: string,
  models: Models,
  options: SweepOptions,
): Promise<SweepReport> {
  const clock = startClock();
  const { key, journal, resumed, leaderboard, rows, account } = await explore(store, dataDir, options, clock);
  try {
    const best = requireBest(leaderboard, options);
    const trained = await trainWinner(store, models, journal, { ...options, best });
    const active = await activateBest(models.registry, trained.model, key, options);
    const seconds = { ...clock.seconds(), train: trained.seconds };
    return {
      key,
      leaderboard,
      best,
      model: trained.model,
      metrics: trained.metrics,
      notes: trained.notes,
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

interface Exploration {
  readonly key: string;
  /** Open. */
  readonly journal: SweepJournal;
  /** Candidates that earlier runs had done. */
  readonly resumed: number;
  readonly leaderboard: readonly LeaderboardEntry[];
  readonly rows: ArtifactMetadata["data"]["rows"];
  readonly account: RowAccount;
}

/** The cross-validation, with threads and examples of its own: they are gone before the best one is trained. */
async function explore(
  store: Store,
  dataDir: string,
  options: SweepOptions,
  clock: ReturnType<typeof startClock>,
): Promise<Exploration> {
  const workshop = openTrainingResources(store, options);
  let journal: SweepJournal | undefined;
  try {
    const { fingerprint, ...prepared } = await prepare(store, options, workshop, clock);
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
    const leaderboard = await validate(prepared, workshop.threads, journal, options);
    clock.lap("fit");
    const { account, counts } = prepared;
    return { key, journal, resumed, leaderboard, rows: rowsOf(counts, account), account };
  } catch (error) {
    journal?.close();
    throw error;
  } finally {
    workshop.close();
  }
}

interface PreparedData {
  readonly folded: FoldedDesign;
  readonly counts: Counts;
  readonly account: RowAccount;
}

/** Reads and encodes as `train` does, and divides the training rows into folds. */
async function prepare(
  store: Store,
  { spec, hyperParameters, foldCount, observe, signal }: SweepOptions,
  { threads, budget: room }: TrainingResources,
  clock: ReturnType<typeof startClock>,
): Promise<PreparedData & { readonly fingerprint: string }> {
  const raw = await readExamples(store, spec, threads, {
    room,
    observe(done) {
      signal?.throwIfAborted();
      observe?.stage?.({ stage: "reading", done, unit: "examples" });
    },
  });
  requireExamples(raw, spec);
  const { account } = raw;
  const split = trainTestSplit(hyperParameters);
  requireSplit(raw, spec, split);
  clock.lap("read");
  const fingerprint = fingerprintOf(raw);
  const keeper = createChunkStore(room);
  const encoding = encodeInSteps(raw, spec, split, {
    joinPure: false,
    withGroups: true,
    keeper,
  });
  const { design: encoded } = await runCooperatively(encoding, signal);
  const counts = requireBothClasses(encoded, []);
  const design = hyperParameters.classWeight === "balanced" ? balance(encoded, counts.sums, keeper) : encoded;
  const folded = divideIntoFolds(design, { foldCount, seed: hyperParameters.seed, keeper });
  requireRows(folded);
  requireAccounted(account, folded.design.partRows.reduce((sum, rows) => sum + rows, 0));
  clock.lap("encode");
  return { folded, counts, account, fingerprint };
}

function requireRows({ design, folds, trainParts }: FoldedDesign): void {
  const least = Math.min(...trainParts.map((part) => design.partRows[part]));
  if (least > 0) return;
  throw new Failure(
    "examples-invalid",
    `Cannot make ${folds.length} folds: one of them has no row, since all rows of a group are in one fold. ` +
      "Use fewer with --folds, load more rows, or hold out less with --test-share.",
  );
}

/** All that the cross-validation's results depend on. */
function settingsOf(options: SweepOptions, fingerprint: string): Record<string, unknown> {
  const { spec, paths, hyperParameters, foldCount, gradientTolerance } = options;
  const { seed, testShare, negatives, classWeight, iterationsMax } = hyperParameters;
  return {
    program: version,
    fingerprint,
    spec,
    paths,
    folds: foldCount,
    seed,
    testShare,
    negatives,
    classWeight,
    gradientTolerance,
    iterationsMax,
  };
}

async function validate(
  { folded, counts }: PreparedData,
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
    // One thread alone never waits for another: without a pause no Ctrl-C would be heard.
    await yieldToEventLoop();
    checkpoint();
  }
  return leaderboard();
}

function interrupted(done: number, total: number, path: string): Failure {
  return new Failure(
    "interrupted",
    `Interrupted: ${done} of ${total} candidates are done and kept in ${path}. The same command goes on from there.`,
  );
}

/** The hyper-parameters of a candidate's model: what it does not name stays as it is. */
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

/** Trains the best candidate, and keeps which model it came to. */
async function trainWinner(
  store: Store,
  models: Models,
  journal: SweepJournal,
  options: SweepOptions & { best: LeaderboardEntry },
): Promise<WinnersModel> {
  const { best: { candidate }, spec, threads, memoryBytes, now, signal, observe, paths, hyperParameters } =
    options;
  const index = paths.flat().indexOf(candidate);
  const knownId = journal.models.get(index);
  const trained = await trainBest(store, models, knownId, {
    spec,
    hyperParameters: withCandidate(hyperParameters, candidate),
    ...(threads === undefined ? {} : { threads }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    now,
    ...(signal ? { signal } : {}),
    ...(observe ? { observe } : {}),
  });
  if (trained.model.modelId !== knownId) journal.addModel(index, trained.model.modelId);
  return trained;
}
