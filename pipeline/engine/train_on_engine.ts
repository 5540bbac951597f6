import { createHash } from "node:crypto";
import type { PooledLevels } from "../encode/summarise.ts";
import type { Encoder } from "../encode/encoder.ts";
import { classWeights, corrected } from "../fit/class_balance.ts";
import { fitPasses } from "../fit/fit.ts";
import { precisionColumnsMax, precisionOf } from "../fit/precision.ts";
import { type ClassCounts, classCountsOf } from "../train/class_counts.ts";
import { warnOfGain } from "../train/gain_warning.ts";
import { createTrace } from "../report/trace.ts";
import { isUnfitted, requireInseparable, separationFailure, tracedBy } from "../train/fit_model.ts";
import { penaltyOf, readSpecOf } from "../train/hyper_parameters.ts";
import { describe } from "../train/metadata.ts";
import { encodingNotes, heldOutNotes, weightNotes } from "../train/notes.ts";
import { timeNotes } from "../train/time_notes.ts";
import { startClock } from "../train/stage_clock.ts";
import type { TrainedModel } from "../train/register.ts";
import type { TrainOptions } from "../train/train.ts";
import {
  baseRows,
  changedRows,
  countExamples,
  exampleRows,
  labelColumn,
  levelColumn,
  type ReadRows,
  requireUnchanged,
  weightColumn,
} from "./base_rows.ts";
import { encodedRows, type EngineDesign, fitCrosses, planDesign, positionColumn } from "./engine_design.ts";
import type { Relation } from "./engine_dialect.ts";
import { createEnginePasses } from "./engine_passes.ts";
import { engineFactors } from "./factor_columns.ts";
import { trainFetched } from "./fetched_training.ts";
import { fitEncoder, type PartedRows, rankedNumbers } from "./fit_encoder.ts";
import { createLookupTables } from "./lookup_tables.ts";
import { hashedLevels } from "./hashed_levels.ts";
import { goldenRowsOnEngine } from "./golden_rows.ts";
import { inputColumnsOf } from "../examples/input_columns.ts";
import type { ReadSpec } from "../examples/spec.ts";
import { type EngineSplit, partByGroup, splitOnEngine } from "./partition.ts";
import { type NumberRange, rangesIn, rangeSums } from "./ranked_values.ts";
import { requireRunsOnEngine } from "./runs_on_engine.ts";
import { evaluateOnEngine, reportOfSums } from "./engine_report.ts";
import { engineRecord, readSourceColumns, type SourceColumns } from "./source_columns.ts";
import { numberIn, type SqlEngine, sumIn } from "./sql_engine.ts";
import { createStaging, type Staging } from "./staged_rows.ts";

export interface EngineTraining extends Omit<TrainOptions, "activate" | "now"> {
  readonly engine: SqlEngine;
  /** The view of the examples, in place of the spec's. */
  readonly relation: Relation;
  /** Schema to keep intermediate rows in, quoted; undefined for temporary tables, where the engine has them. */
  readonly place?: string | undefined;
  /** Rows up to which they are fetched, where they can be, and trained on here. */
  readonly pushDownRows: number;
  /** A file beside which fetched rows that exceed the memory are spilled. */
  readonly spillsBeside: string;
}

/** What all steps of a training share. */
interface Context extends EngineTraining {
  readonly staging: Staging;
  readonly source: SourceColumns;
  readonly readSpec: ReadSpec;
  readonly stage: (stage: string) => void;
}

/**
 * Trains on examples that lie in an engine: each pass is a statement that answers with sums. Nothing is written but intermediate rows,
 * which are removed at the end.
 *
 * @throws {Failure} `usage-invalid` for what does not run on an engine; `examples-invalid`; `engine-failed`; `not-converged`;
 *   `separable`; `interrupted`.
 */
export async function trainOnEngine(options: EngineTraining): Promise<TrainedModel> {
  const { engine, spec, hyperParameters, signal, observe } = options;
  let statements = 0;
  const stage = (stage: string) => {
    signal?.throwIfAborted();
    observe?.stage?.({ stage, done: ++statements, unit: "statements" });
  };
  const staging = createStaging(engine, options.place, crypto.randomUUID().slice(0, 8));
  try {
    stage("columns of the view");
    const source = await readSourceColumns(engine, options.relation, spec);
    return await trainSource({
      ...options,
      readSpec: readSpecOf(spec, hyperParameters),
      staging,
      source,
      stage,
    });
  } finally {
    await staging.remove();
  }
}

async function trainSource(context: Context): Promise<TrainedModel> {
  const { engine, spec, readSpec, hyperParameters, staging, source, stage } = context;
  const clock = startClock();
  const fetched = await trainFetched(context);
  if (fetched) return fetched;
  requireRunsOnEngine(spec, hyperParameters);
  stage("rows");
  const rows = baseRows(readSpec, source, engine.dialect);
  const counted = { spec: readSpec, view: source.view, rows };
  const byGroup = partByGroup(engine.dialect, hyperParameters);
  const base = await staging.stage(
    "rows",
    byGroup === undefined
      ? rows.select
      : `SELECT *, ${byGroup} AS part FROM (${rows.select}${engine.dialect.fence}) AS whole_rows`,
  );
  const isFrozen = staging.keeps();
  stage("checks of the rows");
  const read = await countExamples(engine, base, counted);
  const requireSame = async () => {
    if (!isFrozen) await requireUnchanged(context, base, counted, read);
  };
  const examples = exampleRows(base);
  const split = byGroup === undefined
    ? await splitByTime(context, examples)
    : { from: examples, excluded: {}, times: undefined };
  const parted = { from: split.from, part: "part" };
  const { counts, ranges } = await countParts(context, parted, read, split);
  clock.lap("read");
  const pooled: PooledLevels[] = [];
  const encoder = await fitEncoder(engine, parted, spec, source, {
    ranges,
    poolPure: hyperParameters.penalty === "none",
    onPooled: (levels) => pooled.push(levels),
    checkpoint: stage,
  });
  requireInseparable(pooled, counts.sums.rows.train);
  const encoded = await encodeOnEngine(context, parted, encoder, counts);
  clock.lap("encode");
  const fixedAtZero = hyperParameters.penalty === "none"
    ? [...encoded.cellRows].filter(([, { rows, clicks }]) => clicks === 0 || clicks === rows)
      .map(([column]) => column).sort((a, b) => a - b)
    : [];
  const trace = createTrace();
  const observed = { ...context, observe: tracedBy(trace, context.observe) };
  const { fit, precision } = await fitOnEngine(observed, encoded, counts, fixedAtZero, requireSame);
  clock.lap("fit");
  const solution = { ...fit, coefficients: corrected(fit.coefficients, counts.sums, hyperParameters) };
  const predicted = { engine, encoded, coefficients: solution.coefficients };
  const { metrics, sums } = await evaluateOnEngine(predicted, parted, counts, stage);
  stage("golden rows");
  const exampleCount = read.read - read.noLabel - read.zeroWeight;
  const goldenRows = await goldenRowsOnEngine(engine, examples, spec, source, exampleCount);
  await requireSame();
  const account = { ...read, ...split.excluded };
  const warnings = warnOfGain({ ...counts, metrics, columnCount: encoded.encoder.columnCount });
  const notes = [
    ...warnings.map(({ text }) => text),
    ...timeNotes(split.times, spec, hyperParameters),
    ...encodingNotes(pooled, encoded.encoder, fixedAtZero),
    ...rowNotes(context, counts),
  ];
  const own = engineRecord(engine, source);
  const metadata = describe({
    ...counts,
    ...{ encoder: encoded.encoder, spec, hyperParameters, solution, metrics, notes, goldenRows, account },
    ...{ uncertainty: { precision }, warnings, lastId: undefined, engine: own },
    ...(split.times ? { times: split.times } : {}),
    fingerprint: fingerprintOf(own, encoded.encoder, { read, ...counts }),
  });
  const report = reportOfSums({
    ...{ sums, encoder: encoded.encoder, metadata, baseRate: counts.baseRate },
    trace: trace.steps(),
    engine: engine.dialect.name,
  });
  return { metadata, report, account, seconds: clock.seconds() };
}

function rowNotes({ engine, hyperParameters: { testShare } }: Context, { rows, clicks, sums }: ClassCounts) {
  return [
    ...weightNotes(rows.train, sums.rows.train),
    ...heldOutNotes({ testShare, rows: rows.test, ones: clicks.test }),
    `trained on ${engine.dialect.name}: of more than 100,000 evaluated rows, AUC and calibration are from a histogram of the scores; ` +
    "leaks were not searched for.",
  ];
}

/** Splits the examples by their times. @returns As a FROM has them, with their part. */
async function splitByTime({ engine, spec, hyperParameters, staging, stage }: Context, examples: string) {
  stage("split");
  const { part, ...split } = await splitOnEngine(engine, examples, spec, hyperParameters);
  const select =
    `SELECT * FROM (SELECT *, ${part} AS part FROM ${examples}) AS split_rows WHERE part IS NOT NULL`;
  return { from: await staging.stage("parted", select), ...split };
}

/** Identifies the rows by what is known of them: they are not read one by one. */
function fingerprintOf(engine: object, encoder: Encoder, counts: object): string {
  return createHash("sha256").update(JSON.stringify([engine, encoder, counts])).digest("hex");
}

/** Counts the rows of the parts, and what numbers those of the training have. */
async function countParts(
  { engine, spec, stage }: Context,
  parted: PartedRows,
  read: ReadRows,
  { excluded }: Pick<EngineSplit, "excluded">,
): Promise<{ readonly counts: ClassCounts; readonly ranges: readonly NumberRange[] }> {
  stage("rows of the parts");
  const { from, part } = parted;
  const [y, w] = [labelColumn, weightColumn];
  const sums = ["count(*)", `sum(${y})`, `sum(${w})`, `sum(${w} * ${y})`];
  const rows = await engine.query(
    `SELECT ${
      [part, ...sums, ...rangeSums(rankedNumbers(parted, spec))].join(", ")
    } FROM ${from} GROUP BY ${part}`,
  );
  const rowOf = (part: number) => rows.find(([own]) => numberIn(own) === part);
  const at = (part: number, column: number) => sumIn(rowOf(part)?.[column] ?? 0);
  const sumsOf = (column: number) => [at(0, column), at(1, column), 0];
  const partSums = { clicks: sumsOf(2), weights: sumsOf(3), clickWeights: sumsOf(4) };
  const used = at(0, 1) + at(1, 1);
  const { straddling = 0, immature = 0, noTime = 0 } = excluded;
  const expected = read.read - read.noLabel - read.zeroWeight - straddling - immature - noTime;
  if (used !== expected) throw changedRows(`${expected} examples`, `${used}`);
  return {
    counts: classCountsOf(sumsOf(1), partSums, "add rows to the view"),
    ranges: rangesIn((rowOf(0) ?? []).slice(1 + sums.length)),
  };
}

/** Encodes the rows in the engine. */
async function encodeOnEngine(
  { engine, spec, hyperParameters, staging, stage }: Context,
  parted: PartedRows,
  encoder: Encoder,
  { sums, rows }: ClassCounts,
): Promise<EngineDesign> {
  stage("positions");
  const factors = engineFactors(encoder, await hashedLevels(engine, parted.from, encoder));
  const categories = inputColumnsOf(encoder.features).filter(({ kind }) => kind === "category");
  const fields = new Map([
    ...categories.map(({ name }, i) => [levelColumn(i), name] as const),
    ...factors.map(({ name }, i) => [positionColumn(i), name] as const),
  ]);
  const lookups = createLookupTables(engine, staging, (column) => fields.get(column));
  const weights = classWeights(sums);
  const { number } = engine.dialect;
  const fitWeight = hyperParameters.classWeight === "balanced"
    ? `${weightColumn} * CASE WHEN ${labelColumn} = 1 THEN ${number(weights.clicked)} ELSE ${
      number(weights.notClicked)
    } END`
    : weightColumn;
  const from = await lookups.stage(
    "encoded",
    (own) => encodedRows(engine, own, parted, encoder, factors, fitWeight),
  );
  stage("crosses");
  const crossed = await fitCrosses(engine, from, encoder, factors, spec);
  stage("cells");
  return await planDesign(engine, lookups, from, crossed, factors, [rows.train, rows.test, 0]);
}

async function fitOnEngine(
  { engine, hyperParameters, signal, observe, stage }: Context,
  encoded: EngineDesign,
  { sums }: ClassCounts,
  fixedAtZero: readonly number[],
  requireSame: () => Promise<void>,
) {
  let pass = 0;
  const isBalanced = hyperParameters.classWeight === "balanced";
  const weights = isBalanced
    ? { all: sums.rows.train, clicked: sums.rows.train / 2 }
    : { all: sums.rows.train, clicked: sums.clicks.train };
  const passes = createEnginePasses(engine, encoded, [0], weights, () => stage(`pass ${++pass}`));
  const penalty = penaltyOf(hyperParameters);
  try {
    const fit = await fitPasses(passes, {
      penalty,
      solver: hyperParameters.solver,
      gradientTolerance: hyperParameters.tolerance,
      iterationsMax: hyperParameters.iterationsMax,
      fixedAtZero,
      observe: (event) => observe?.iteration?.(event),
      checkpoint: () => signal?.throwIfAborted(),
    });
    const isNormal = fit.solver === "newton" && !isBalanced &&
      encoded.design.columnCount <= precisionColumnsMax;
    const precision = isNormal ? await precisionOf(passes, fit.coefficients, penalty) : undefined;
    return { fit, precision };
  } catch (error) {
    // Sums of rows that changed in between have no optimum: then that is the fault.
    if (isUnfitted(error)) await requireSame();
    throw separationFailure(error, encoded.encoder);
  }
}
