import { availableParallelism } from "./parallelism.ts";
import { type Artifact, sweepUnfinished, writeArtifact } from "./artifact.ts";
import type { ArtifactMetadata, Metrics } from "./artifact_metadata.ts";
import { type DesignMatrix, forRuns } from "./design_matrix.ts";
import { encodeExamples, type JoinedLevels } from "./encode.ts";
import { columnNames, type Encoder } from "./encoder.ts";
import { evaluateModel } from "./evaluate.ts";
import { readExamples } from "./examples.ts";
import { Failure } from "./failure.ts";
import { type Fit, fit, type SolverName } from "./fit.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { createPredictor } from "./predictor.ts";
import { Separation } from "./newton.ts";
import type { IterationEvent, Penalty } from "./penalised.ts";
import type { RawExamples } from "./raw_examples.ts";
import { activeModel, assignModel, type ModelRow, registerModel } from "./registry.ts";
import { sharedFloat64 } from "./shared_memory.ts";
import type { FeatureSpec } from "./spec.ts";
import { testPart, trainPart, trainTestSplit } from "./split.ts";
import type { Store } from "./store.ts";
import { startThreads, type Threads } from "./threads.ts";
import { version } from "./version.ts";

/** Everything that a model's content depends on beside the data, the spec and the program. */
export interface HyperParameters {
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

export interface TrainOptions {
  readonly spec: FeatureSpec;
  readonly hyperParameters: HyperParameters;
  readonly threads?: number;
  /** Puts the model in production; the first one is, in any case. */
  readonly activate?: boolean;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  readonly signal?: AbortSignal;
  readonly observe?: TrainObserver;
}

export interface TrainObserver {
  stage?(
    stage: { readonly stage: string; readonly done: number; readonly total?: number; readonly unit: string },
  ): void;
  iteration?(event: IterationEvent): void;
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
  /** Whether the model is in production now. */
  readonly active: boolean;
  readonly seconds: Seconds;
}

/**
 * Trains a model on the store's examples and registers it.
 *
 * @throws {Failure} as `learn`; `store-busy`, `store-full`.
 */
export async function train(store: Store, modelsDir: string, options: TrainOptions): Promise<TrainReport> {
  const { metadata, seconds } = await learn(store, options);
  options.signal?.throwIfAborted();
  sweepUnfinished(modelsDir);
  const artifact = writeArtifact(modelsDir, metadata);
  const model = registerModel(store, artifact, options.now);
  const active = activate(store, model, options);
  return { model, artifact, active, seconds };
}

/**
 * Learns from the store's examples: read → split and encode → fit → evaluate. What comes out depends on the examples,
 * the spec, the hyper-parameters and the program's version alone.
 *
 * @throws {Failure} `examples-invalid`, `not-converged`, `separable`, `interrupted`.
 */
export async function learn(
  store: Store,
  options: TrainOptions,
): Promise<{ metadata: ArtifactMetadata; seconds: Seconds }> {
  const { spec, hyperParameters, observe = {}, signal } = options;
  const clock = startClock();
  const threads = startThreads(options.threads ?? availableParallelism(), workerUrl());
  try {
    const raw = await readExamples(store, spec, threads, (done) => {
      signal?.throwIfAborted();
      observe.stage?.({ stage: "reading", done, unit: "examples" });
    });
    requireExamples(raw, spec);
    clock.lap("read");
    const fingerprint = fingerprintOf(raw);
    const goldenRows = pickGolden(raw, spec);
    const { encoder, design, joined } = encodeExamples(raw, spec, trainTestSplit(hyperParameters), {
      joinPure: hyperParameters.penalty === "none",
    });
    const counts = requireBothClasses(design, joined);
    if (hyperParameters.classWeight === "balanced") balance(design, counts);
    const notes = notesOf(joined, encoder, design, hyperParameters);
    clock.lap("encode");
    const solution = corrected(
      await fitModel(design, encoder, notes.held, threads, options),
      counts,
      hyperParameters,
    );
    clock.lap("fit");
    const metrics = evaluateModel(design, solution.coefficients, counts.baseRate);
    const parts = { spec, encoder, hyperParameters, fingerprint, notes: notes.texts, ...counts };
    return { metadata: describe(parts, solution, metrics, goldenRows), seconds: clock.seconds() };
  } finally {
    threads.close();
  }
}

function workerUrl(): URL {
  return new URL(
    import.meta.url.endsWith(".ts") ? "./train_worker.ts" : "./train_worker.js",
    import.meta.url,
  );
}

function startClock(): { lap(name: "read" | "encode" | "fit"): void; seconds(): Seconds } {
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

function requireExamples({ rowCount }: RawExamples, { view }: FeatureSpec): void {
  if (rowCount > 0) return;
  throw new Failure(
    "examples-invalid",
    `The view ${view} has no rows: an example needs an offer and its lead. Load them with clickwell ingest.`,
  );
}

interface Counts {
  readonly rows: { readonly train: number; readonly test: number; readonly left_out: number };
  readonly clicks: { readonly train: number; readonly test: number };
  /** Click rate of the training rows before any was left out. */
  readonly baseRate: number;
}

function requireBothClasses(design: DesignMatrix, joined: readonly JoinedLevels[]): Counts {
  const clicks = design.partRows.map((_, part) => {
    let sum = 0;
    for (const chunk of design.chunks) {
      forRuns(chunk, [part], (from, to) => {
        for (let i = from; i < to; i++) sum += chunk.labels[i];
      });
    }
    return sum;
  });
  const [train, test, leftOut] = design.partRows;
  if (train === 0 || clicks[trainPart] === 0 || clicks[trainPart] === train) {
    throw new Failure(
      "examples-invalid",
      `There is nothing to learn: of the ${train} training rows, ${
        clicks[trainPart]
      } were clicked. Training needs rows of both kinds: ` +
        "load clicks with clickwell ingest --clicks, more offers, or hold out less with --test-share.",
    );
  }
  for (const { field, levels, rows, reason } of joined) {
    if (reason === "pure" && rows > train / 2) {
      throw separable(
        `${field} alone (${levels.slice(0, 3).join(", ")}) tells most clicked offers from the others`,
      );
    }
  }
  return {
    rows: { train, test, left_out: leftOut },
    clicks: { train: clicks[trainPart], test: clicks[testPart] },
    baseRate: clicks[trainPart] / (train + leftOut),
  };
}

/** Weights that make both classes count the same in the fit. */
function classWeights({ rows, clicks }: Counts): { clicked: number; notClicked: number } {
  return { clicked: rows.train / 2 / clicks.train, notClicked: rows.train / 2 / (rows.train - clicks.train) };
}

function balance(design: DesignMatrix, counts: Counts): void {
  const { clicked, notClicked } = classWeights(counts);
  for (const chunk of design.chunks) {
    const weights = chunk.weights ?? sharedFloat64(chunk.labels.length).fill(1);
    for (let i = 0; i < weights.length; i++) weights[i] *= chunk.labels[i] === 1 ? clicked : notClicked;
    chunk.weights = weights;
  }
}

/**
 * Takes back what sampling and class weights did to the odds, so that what is served is a probability: rows without a
 * click at rate r multiply the odds by 1/r, weights by their ratio. Only the intercept feels it.
 *
 * @see King & Zeng, Logistic Regression in Rare Events Data (2001), section 4.1.
 */
function corrected(fit: Fit, counts: Counts, { negatives, classWeight }: HyperParameters): Fit {
  const { clicked, notClicked } = classWeights(counts);
  const shift = Math.log(negatives) - (classWeight === "balanced" ? Math.log(clicked / notClicked) : 0);
  const coefficients = fit.coefficients.slice();
  coefficients[coefficients.length - 1] += shift;
  return { ...fit, coefficients };
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
  const texts = joined.map(({ field, levels, rows, reason }) => {
    const named = levels.slice(0, 5).join(", ") + (levels.length > 5 ? ", …" : "");
    const why = reason === "rare"
      ? "rare"
      : "always or never clicked, and without a penalty log-odds have no bound";
    return `${field}: ${levels.length} level(s) on ${rows} training row(s) share the column of unseen levels (${named}): ${why}.`;
  });
  const held = penalty === "none" ? pureColumns(design) : [];
  const names = columnNames(encoder);
  for (const column of held) {
    texts.push(`${names[column]}: always or never clicked; its coefficient is held at 0.`);
  }
  return { texts, held };
}

/** Columns of categories and indicators whose training rows were all clicked, or none of them. */
function pureColumns({ columnCount, groups, chunks }: DesignMatrix): number[] {
  const rows = new Float64Array(columnCount);
  const clicks = new Float64Array(columnCount);
  for (const { partEnds, cells, labels } of chunks) {
    groups.forEach(({ fieldCount, columns }, g) => {
      for (let i = 0; i < partEnds[trainPart]; i++) {
        for (let at = cells[g][i] * fieldCount, end = at + fieldCount; at < end; at++) {
          if (columns[at] < 0) continue;
          rows[columns[at]]++;
          clicks[columns[at]] += labels[i];
        }
      }
    });
  }
  return [...rows.keys()].filter((column) =>
    rows[column] > 0 && (clicks[column] === 0 || clicks[column] === rows[column])
  );
}

async function fitModel(
  design: DesignMatrix,
  encoder: Encoder,
  held: readonly number[],
  threads: Threads,
  { hyperParameters, signal, observe }: TrainOptions,
): Promise<Fit> {
  try {
    return await fit(design, [trainPart], threads, {
      penalty: penaltyOf(hyperParameters),
      solver: hyperParameters.solver,
      gradientTolerance: hyperParameters.tolerance,
      iterationsMax: hyperParameters.iterationsMax,
      held,
      observe: (event) => observe?.iteration?.(event),
      checkpoint: () => signal?.throwIfAborted(),
    });
  } catch (error) {
    if (!(error instanceof Separation)) throw error;
    const names = columnNames(encoder);
    throw separable(
      `${
        error.columns.map((column) => names[column] ?? "the intercept").join(", ")
      } together tell clicked offers from others`,
    );
  }
}

/** scikit-learn's `C` and `l1_ratio` as strengths on the sum of the losses. */
export function penaltyOf(
  { penalty, C, l1Ratio }: Pick<HyperParameters, "penalty" | "C" | "l1Ratio">,
): Penalty {
  if (penalty === "none") return { l2: 0, l1: 0 };
  const l1Share = penalty === "l2" ? 0 : penalty === "l1" ? 1 : l1Ratio;
  return { l2: (1 - l1Share) / C, l1: l1Share / C };
}

type GoldenRow = ArtifactMetadata["golden"][number]["features"];

const goldenCount = 8;

/** Some rows of raw fields, spread evenly over the data. */
function pickGolden({ chunks, levels }: RawExamples, spec: FeatureSpec): GoldenRow[] {
  const count = Math.min(goldenCount, chunks.length);
  return Array.from({ length: count }, (_, i) => {
    const chunk = chunks[Math.floor((i * chunks.length) / count)];
    const row: GoldenRow = {};
    let numericIndex = 0;
    let categoricalIndex = 0;
    for (const { name, type } of spec.features) {
      if (type === "numeric") {
        const value = chunk.numeric[numericIndex++];
        row[name] = Number.isFinite(value) ? value : null;
      } else {
        row[name] = levels[categoricalIndex][chunk.codes[categoricalIndex++][0]];
      }
    }
    return row;
  });
}

function describe(
  parts: Counts & {
    spec: FeatureSpec;
    encoder: Encoder;
    hyperParameters: HyperParameters;
    fingerprint: string;
    notes: readonly string[];
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
  const predictor = createPredictor({ encoder, coefficients, intercept });
  const golden = goldenRows.map((features) => ({
    features,
    probability: predictor.predict(features, { errors: [], unseen: [] }),
  }))
    .filter(({ probability }) => Number.isFinite(probability));
  return {
    layout: 1,
    program: version,
    spec: { ...parts.spec },
    encoder: {
      features: [...encoder.features.map((feature) => ({ ...feature }))],
      columnCount: encoder.columnCount,
    } as ArtifactMetadata["encoder"],
    coefficients,
    intercept,
    hyperParameters: { ...hyperParameters },
    data: { fingerprint: parts.fingerprint, rows: { ...parts.rows }, clicks: { ...parts.clicks } },
    metrics,
    solver: {
      name: "newton",
      iterations: solution.iterations,
      gradientMax: solution.gradientMax,
      objective: solution.objective,
    },
    notes: [...parts.notes],
    golden,
  };
}

function activate(store: Store, { modelId }: ModelRow, options: TrainOptions): boolean {
  const current = activeModel(store)?.modelId;
  if (current !== undefined && !options.activate) return current === modelId;
  if (current === modelId) return true;
  const reason = current === undefined ? "the first model" : "trained with --activate";
  assignModel(store, { modelId, assignedAt: options.now, assignedBy: "clickwell train", reason });
  return true;
}
