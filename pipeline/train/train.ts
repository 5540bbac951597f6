import { type ChunkStore, createChunkStore } from "../chunks/chunk_keeper.ts";
import { type Artifact, removeUnfinished, writeArtifact } from "../model/artifact.ts";
import type { ArtifactMetadata, Metrics } from "../model/artifact_metadata.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";
import { log } from "../math/elementary.ts";
import { columnNames } from "../encode/column_names.ts";
import { type Encoder } from "../encode/encoder.ts";
import { evaluateModel } from "../fit/evaluate.ts";
import { readExamples } from "../examples/examples.ts";
import { balance, corrected } from "../fit/class_balance.ts";
import { goldenOf, type GoldenRow } from "../model/golden.ts";
import { packPrecision } from "../model/packed_precision.ts";
import { precisionAt, precisionColumnsMax } from "../fit/precision.ts";
import { Failure } from "../failure.ts";
import { type Fit, fit, type SolverName } from "../fit/fit.ts";
import { solveMinibatch } from "../fit/minibatch/minibatch.ts";
import {
  type EpochEvent,
  type MinibatchParameters,
  minibatchParameters,
  parseHidden,
} from "../fit/minibatch/options.ts";
import { Separation } from "../fit/separation.ts";
import type { OptimizerName } from "../fit/minibatch/optimizer.ts";
import { pureColumns } from "../fit/pure_columns.ts";
import type { IterationEvent, Penalty } from "../fit/penalised.ts";
import type { ModelRow, Models, Registry } from "../model/registry.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { requireAccounted, type RowAccount } from "../examples/row_account.ts";
import { leftOutPart, testPart, trainPart } from "../examples/split.ts";
import { type Prepared, prepareInSteps } from "./prepare.ts";
import { partSumsOf } from "./part_sums.ts";
import type { Store } from "../store/store.ts";
import { runCooperatively, yieldToEventLoop } from "../runtime/event_loop.ts";
import type { JoinedLevels } from "../encode/summarise.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { heldOutNotes, leakNotes } from "./result_notes.ts";
import { weightNotes } from "./weight_notes.ts";
import { version } from "../version.ts";
import { openTrainingResources, type ResourceOptions } from "./training_resources.ts";

/**
 * Everything that a model's content depends on beside the data, the spec and the program. With an `optimizer` the model is
 * trained by mini-batches, and `solver`, `tolerance` and `iterationsMax` have no meaning.
 */
export interface HyperParameters extends Partial<MinibatchParameters> {
  readonly penalty: "l2" | "l1" | "elasticnet" | "none";
  /** Inverse strength of the penalty, as in scikit-learn; without meaning where there is none. */
  readonly C: number;
  /** Of an elastic net: the share of l1, as in scikit-learn. */
  readonly l1Ratio: number;
  readonly solver: SolverName;
  readonly seed: number;
  /** Share of the groups that are held out. */
  readonly testShare: number;
  /** Share of the training rows without a click that are kept; the intercept is corrected for it. */
  readonly negatives: number;
  /** `balanced`: both classes weigh the same in the fit; the intercept is corrected for it. */
  readonly classWeight: "none" | "balanced";
  /** Largest entry of the gradient at which a fit ends. */
  readonly tolerance: number;
  /** Passes over the data at the most. */
  readonly iterationsMax: number;
}

export const defaultHyperParameters: HyperParameters = {
  penalty: "l2",
  C: 1,
  l1Ratio: 0.5,
  solver: "auto",
  seed: 7,
  testShare: 0.2,
  negatives: 1,
  classWeight: "none",
  tolerance: 1e-10,
  iterationsMax: 200,
};

export interface TrainOptions extends ResourceOptions {
  readonly spec: FeatureSpec;
  readonly hyperParameters: HyperParameters;
  /** Puts the model in production; the first one is, in any case. */
  readonly activate?: boolean;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  readonly signal?: AbortSignal;
  readonly observe?: TrainObserver;
}

export type LearningOptions = Pick<TrainOptions, "spec" | "hyperParameters" | "signal" | "observe">;

export interface TrainObserver {
  stage?(
    stage: { readonly stage: string; readonly done: number; readonly total?: number; readonly unit: string },
  ): void;
  iteration?(event: IterationEvent): void;
  epoch?(event: EpochEvent): void;
}

export interface Seconds {
  readonly read: number;
  readonly encode: number;
  readonly fit: number;
  readonly total: number;
}

export interface TrainReport {
  readonly model: ModelRow;
  readonly artifact: Artifact;
  /** What became of the rows that were read. */
  readonly account: RowAccount;
  /** Whether the model is in production now. */
  readonly active: boolean;
  readonly seconds: Seconds;
}

/** What was learnt from examples, and in what time. */
export interface TrainedModel {
  readonly metadata: ArtifactMetadata;
  readonly account: RowAccount;
  readonly seconds: Seconds;
}

/**
 * Trains a model on the store's examples and registers it.
 *
 * @throws {Failure} as `learn`; `store-busy`, `store-full`.
 */
export async function train(store: Store, models: Models, options: TrainOptions): Promise<TrainReport> {
  return await register(models, await trainModel(store, options), options);
}

/** @throws {Failure} `interrupted`, `store-busy`, `store-full`. */
export async function register(
  { dir, registry }: Models,
  { metadata, account, seconds }: TrainedModel,
  options: Pick<TrainOptions, "activate" | "now" | "signal">,
): Promise<TrainReport> {
  options.signal?.throwIfAborted();
  removeUnfinished(dir);
  const artifact = writeArtifact(dir, metadata);
  const model = await registry.registerModel(artifact, options.now);
  const active = await activate(registry, model, options);
  return { model, artifact, account, active, seconds };
}

/**
 * Learns from the store's examples: read → split and encode → fit → evaluate. What comes out depends on the examples,
 * the spec, the hyper-parameters and the program's version alone.
 *
 * @param prepared The examples, where they have been prepared already: the store is not read then.
 * @throws {Failure} `examples-invalid`, `not-converged`, `separable`, `interrupted`.
 */
export async function trainModel(
  store: Store,
  options: TrainOptions,
  prepared?: Prepared,
): Promise<TrainedModel> {
  const { spec, hyperParameters, observe = {}, signal } = options;
  const clock = startClock();
  const { threads, budget: room, close } = openTrainingResources(store, options);
  const keeper = createChunkStore(room);
  const read = async () => {
    const raw = await readExamples(store, spec, threads, {
      room,
      observe: (done) => {
        signal?.throwIfAborted();
        observe.stage?.({ stage: "reading", done, unit: "examples" });
      },
    });
    clock.lap("read");
    return await runCooperatively(prepareInSteps(raw, spec, hyperParameters, keeper), signal);
  };
  try {
    return await trainPrepared(prepared ?? await read(), { threads, chunks: keeper, clock }, options);
  } finally {
    close();
  }
}

/** What learning works with. */
export interface TrainingContext {
  readonly threads: Threads;
  readonly chunks: ChunkStore;
  readonly clock: Clock;
}

/** @throws {Failure} as `learn`. */
export async function trainPrepared(
  { encoder, design: encoded, joined, fingerprint, goldenRows, lastId, account, notes: dataNotes }: Prepared,
  { threads, chunks: keeper, clock }: TrainingContext,
  options: LearningOptions,
): Promise<TrainedModel> {
  const { spec, hyperParameters } = options;
  requireAccounted(account, encoded.partRows.reduce((sum, rows) => sum + rows, 0));
  const counts = requireBothClasses(encoded, joined);
  const design = hyperParameters.classWeight === "balanced" ? balance(encoded, counts.sums, keeper) : encoded;
  const notes = notesOf(joined, encoder, design, hyperParameters);
  notes.texts.push(...weightNotes(counts.rows.train, counts.sums.rows.train));
  clock.lap("encode");
  const fitted = await fitModel(design, encoder, notes.held, threads, options);
  clock.lap("fit");
  const precision = await precisionOf(design, threads, fitted, hyperParameters);
  const solution = { ...fitted, coefficients: corrected(fitted.coefficients, counts.sums, hyperParameters) };
  const { coefficients } = solution;
  const metrics = evaluateModel(design, coefficients, counts.baseRate, solution.network);
  const { rows, clicks, baseRate } = counts;
  const results = [
    ...heldOutNotes({ testShare: hyperParameters.testShare, rows: rows.test, ones: clicks.test }),
    ...(rows.test === 0 ? [] : leakNotes({ design, encoder, coefficients, baseRate, metrics })),
  ];
  const parts = {
    spec,
    encoder,
    hyperParameters,
    fingerprint,
    lastId,
    precision,
    notes: [...dataNotes, ...notes.texts, ...results],
    account,
    ...counts,
  };
  return { metadata: describe(parts, solution, metrics, goldenRows), account, seconds: clock.seconds() };
}

/** What the data told about the coefficients; undefined where a normal distribution does not describe it. */
async function precisionOf(
  design: DesignMatrix,
  threads: Threads,
  { solver, coefficients }: Fit,
  hyperParameters: HyperParameters,
): Promise<Float64Array | undefined> {
  const describes = solver === "newton" && hyperParameters.classWeight === "none";
  if (!describes || design.columnCount > precisionColumnsMax) return undefined;
  return await precisionAt(design, [trainPart], threads, coefficients, penaltyOf(hyperParameters));
}

/** Seconds per stage. */
export interface Clock {
  lap(name: "read" | "encode" | "fit"): void;
  seconds(): Seconds;
}

export function startClock(): Clock {
  const start = performance.now();
  const laps = { read: 0, encode: 0, fit: 0 };
  let last = start;
  return {
    lap(name) {
      laps[name] = (performance.now() - last) / 1000;
      last = performance.now();
    },
    seconds: () => ({ ...laps, total: (performance.now() - start) / 1000 }),
  };
}

/** Rows and clicks of the parts of the ordinary split. */
export interface Counts extends PartCounts {
  /** The same, each row counted by its weight. */
  readonly sums: PartCounts;
  /** Click rate of the training rows before any was left out, by their weights. */
  readonly baseRate: number;
}

interface PartCounts {
  readonly rows: {
    readonly train: number;
    readonly test: number;
    readonly left_out: number;
    /** Where training stops early: the rows that say when. */
    readonly validation?: number;
  };
  readonly clicks: { readonly train: number; readonly test: number };
}

/** @throws {Failure} `examples-invalid` without training rows of both classes; `separable` where one field tells them. */
export function requireBothClasses(design: DesignMatrix, joined: readonly JoinedLevels[]): Counts {
  const { clicks, weights, clickWeights } = partSumsOf(design);
  const train = design.partRows[trainPart];
  if (train === 0 || clicks[trainPart] === 0 || clicks[trainPart] === train) {
    throw new Failure(
      "examples-invalid",
      `There is nothing to learn: of the ${train} training rows, ${
        clicks[trainPart]
      } have label 1. Training needs rows of both labels: ` +
        "load more rows with clickwell ingest (and the table that the label comes from), or hold out less with --test-share.",
    );
  }
  for (const { field, levels, weight, reason } of joined) {
    if (reason === "pure" && weight > weights[trainPart] / 2) {
      throw separable(
        `${field} alone (${levels.slice(0, 3).join(", ")}) separates most rows with label 1 from the others`,
      );
    }
  }
  return {
    ...partCounts(design.partRows, clicks),
    sums: partCounts(weights, clickWeights),
    baseRate: clickWeights[trainPart] / (weights[trainPart] + weights[leftOutPart]),
  };
}

function partCounts(
  [train, test, leftOut, validation]: readonly number[],
  clicks: readonly number[],
): PartCounts {
  return {
    rows: { train, test, left_out: leftOut, ...(validation === undefined ? {} : { validation }) },
    clicks: { train: clicks[trainPart], test: clicks[testPart] },
  };
}

/** Rows as a model's metadata has them. */
export function rowsOf(
  { rows }: Pick<Counts, "rows">,
  { read, noLabel, zeroWeight }: RowAccount,
): ArtifactMetadata["data"]["rows"] {
  return { ...rows, read, no_label: noLabel, zero_weight: zeroWeight };
}

function separable(what: string): Failure {
  return new Failure(
    "separable",
    `There is no finite optimum without a penalty: ${what}, so that log-odds would grow without bound. ` +
      "Use --penalty l2, or take the field out of the feature spec.",
  );
}

/** What was decided beside the spec, in words, and which columns stay 0 because nothing finite can be learnt for them. */
function notesOf(
  joined: readonly JoinedLevels[],
  encoder: Encoder,
  design: DesignMatrix,
  { penalty }: HyperParameters,
): { texts: string[]; held: number[] } {
  const texts = joined.map(({ field, levels, rows, weight, reason }) => {
    const named = levels.slice(0, 5).join(", ") + (levels.length > 5 ? ", …" : "");
    const why = reason === "rare"
      ? "rare"
      : "all of their rows have the same label, and without a penalty log-odds have no bound";
    const weighed = weight === rows ? "" : `, of weight ${Number(weight.toPrecision(4))},`;
    return `${field}: ${levels.length} level(s) on ${rows} training row(s)${weighed} share the column of unseen levels (${named}): ${why}.`;
  });
  const held = penalty === "none" ? pureColumns(design, [trainPart]) : [];
  // A wide design has millions of names.
  const names = held.length === 0 ? [] : columnNames(encoder);
  for (const column of held) {
    texts.push(`${names[column]}: all of its rows have the same label; its coefficient is held at 0.`);
  }
  return { texts, held };
}

async function fitModel(
  design: DesignMatrix,
  encoder: Encoder,
  held: readonly number[],
  threads: Threads,
  options: LearningOptions,
): Promise<Fit> {
  const { hyperParameters, signal, observe } = options;
  const { optimizer } = hyperParameters;
  if (optimizer !== undefined) return await fitMinibatch(design, optimizer, held, threads, options);
  try {
    return await fit(design, [trainPart], threads, {
      penalty: penaltyOf(hyperParameters),
      solver: hyperParameters.solver,
      gradientTolerance: hyperParameters.tolerance,
      iterationsMax: hyperParameters.iterationsMax,
      fixedAtZero: held,
      observe: (event) => observe?.iteration?.(event),
      checkpoint: () => signal?.throwIfAborted(),
    });
  } catch (error) {
    if (!(error instanceof Separation)) throw error;
    throw separable(separationWords(error, encoder));
  }
}

/** What is known of a separation, and no more: which columns it needs, is not. */
function separationWords({ columns, complete }: Separation, encoder: Encoder): string {
  const names = columnNames(encoder);
  const named = columns.slice(0, 5).map((column) => names[column] ?? "the intercept").join(", ");
  const all = columns.length > 5 ? `${named} and ${columns.length - 5} more` : named;
  const what = "separates the rows with label 1 from the others";
  if (!complete) {
    return `a combination of columns ${what} in a part of the rows, and no finite coefficient is best for ${all}`;
  }
  return columns.length === 1
    ? `${all} ${what}`
    : `a combination of ${columns.length} columns (${all}) ${what}`;
}

async function fitMinibatch(
  design: DesignMatrix,
  optimizer: OptimizerName,
  held: readonly number[],
  threads: Threads,
  { hyperParameters, signal, observe }: LearningOptions,
): Promise<Fit> {
  const { hidden, ...parameters } = minibatchParameters({ ...hyperParameters, optimizer });
  const solution = await solveMinibatch(design, threads, {
    ...parameters,
    hidden: parseHidden(hidden),
    seed: hyperParameters.seed,
    penalty: penaltyOf(hyperParameters),
    fixedAtZero: held,
    validationShift: log(hyperParameters.negatives),
    observe: (event) => observe?.epoch?.(event),
    async pause(progress) {
      if (progress) {
        const { epoch, epochs, done, rows } = progress;
        observe?.stage?.({ stage: `epoch ${epoch} of ${epochs}`, done, total: rows, unit: "rows" });
      }
      // A signal arrives between tasks: without one, Ctrl-C would wait for the end.
      await yieldToEventLoop();
      signal?.throwIfAborted();
    },
  });
  return { ...solution, solver: optimizer };
}

/** scikit-learn's `C` and `l1_ratio` as strengths on the sum of the losses. */
export function penaltyOf(
  { penalty, C, l1Ratio }: Pick<HyperParameters, "penalty" | "C" | "l1Ratio">,
): Penalty {
  if (penalty === "none") return { l2: 0, l1: 0 };
  const l1Share = penalty === "l2" ? 0 : penalty === "l1" ? 1 : l1Ratio;
  return { l2: (1 - l1Share) / C, l1: l1Share / C };
}

function describe(
  parts: Counts & {
    spec: FeatureSpec;
    encoder: Encoder;
    hyperParameters: HyperParameters;
    fingerprint: string;
    lastId: bigint | undefined;
    precision: Float64Array | undefined;
    notes: readonly string[];
    account: RowAccount;
  },
  solution: Fit,
  metrics: Metrics,
  goldenRows: readonly GoldenRow[],
): ArtifactMetadata {
  const { encoder, hyperParameters } = parts;
  // + 0 makes −0 the 0 that JSON knows.
  const coefficients = Array.from(
    solution.coefficients.subarray(0, encoder.columnCount),
    (value) => value + 0,
  );
  const intercept = solution.coefficients[encoder.columnCount] + 0;
  const { network } = solution;
  return {
    layout: 1,
    program: version,
    spec: { ...parts.spec },
    encoder: {
      features: [...encoder.features.map((feature) => ({ ...feature }))],
      columnCount: encoder.columnCount,
      ...(encoder.crosses ? { crosses: encoder.crosses } : {}),
    } as ArtifactMetadata["encoder"],
    coefficients,
    intercept,
    ...(network === undefined ? {} : { network }),
    hyperParameters: inOrder(hyperParameters),
    data: {
      fingerprint: parts.fingerprint,
      ...(parts.lastId === undefined ? {} : { last_id: String(parts.lastId) }),
      rows: rowsOf(parts, parts.account),
      clicks: { ...parts.clicks },
      ...(parts.spec.weight === undefined ? {} : { weights: parts.sums }),
    },
    ...(parts.precision === undefined ? {} : { precision: packPrecision(parts.precision) }),
    metrics,
    solver: {
      name: solution.solver,
      iterations: solution.iterations,
      gradientMax: solution.gradientMax,
      objective: solution.objective,
      ...solution.convergence,
    },
    notes: [...parts.notes, ...minibatchNotes(solution, hyperParameters)],
    golden: goldenOf({ encoder, coefficients, intercept, network }, goldenRows),
  };
}

/** What a reader who knows the exact fits would take wrongly. */
function minibatchNotes({ network }: Fit, { optimizer }: HyperParameters): string[] {
  return [
    ...(optimizer === undefined
      ? []
      : [`trained by mini-batches (${optimizer}): near an optimum, not at one.`]),
    ...(network === undefined ? [] : [
      `the coefficients are the wide part alone: hidden layers of ${
        network.layers.map(({ bias }) => bias.length).join(" and ")
      } units add to it.`,
    ]),
  ];
}

/** By name: the same settings are the same bytes, in whatever order they were given. */
function inOrder(hyperParameters: HyperParameters): ArtifactMetadata["hyperParameters"] {
  const entries = Object.entries(hyperParameters).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Puts the model in production where that was asked for, or none is. @returns Whether it is there now. */
export async function activate(
  registry: Registry,
  { modelId }: ModelRow,
  options: Pick<TrainOptions, "activate" | "now">,
): Promise<boolean> {
  const current = (await registry.activeModel())?.modelId;
  if (current !== undefined && !options.activate) return current === modelId;
  if (current === modelId) return true;
  const reason = current === undefined ? "the first model" : "trained with --activate";
  await registry.assign({ modelId, assignedAt: options.now, assignedBy: "clickwell train", reason });
  return true;
}
