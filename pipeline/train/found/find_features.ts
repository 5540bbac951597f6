import type { BinnedRows } from "../../encode/bin_rows.ts";
import type { DesignMatrix } from "../../encode/design_matrix.ts";
import type { Encoder } from "../../encode/encoder.ts";
import type { PooledLevels } from "../../encode/summarise.ts";
import type { FeatureSpec } from "../../examples/spec.ts";
import { usageInvalid } from "../../failure.ts";
import { classShift, type ClassSums } from "../../fit/class_balance.ts";
import type { Fit } from "../../fit/fit.ts";
import { findTables } from "../../fit/tables/find_tables.ts";
import type { FoundModel, Stage } from "../../fit/tables/found_model.ts";
import type { SearchEvent } from "../../fit/tables/search_options.ts";
import { drawTables } from "../../fit/tables/draw_tables.ts";
import type { TableDraws } from "../../model/table_draws.ts";
import { yieldToEventLoop } from "../../runtime/event_loop.ts";
import type { ChunkStore } from "../../chunks/chunk_store.ts";
import type { FoundRows } from "../../report/found_sums.ts";
import type { Threads } from "../../runtime/thread_pool.ts";
import type { OutOfFold } from "../calibrate_fit.ts";
import type { TrainObserver } from "../fit_model.ts";
import type { HyperParameters } from "../hyper_parameters.ts";
import { foundDesign } from "./found_design.ts";
import { foundEncoder } from "./found_encoder.ts";
import type { KeptSearch } from "./kept_search.ts";
import { outOfFoldRowsOf, withoutClassWeights } from "./out_of_fold_rows.ts";
import { type OutOfFoldQuality, plainQuality } from "./plain_loss.ts";
import { rowWeightsOf, searchRowsOf } from "./search_rows.ts";
import { foundSpec, stepsOf } from "./steps.ts";

/** What a search for curves and tables has found, and what was taken. */
export interface FeatureSearch {
  readonly taken: "tables" | "plain";
  /** On the same rows, by models that were not fitted to them. */
  readonly outOfFold: { readonly tables: OutOfFoldQuality; readonly plain: OutOfFoldQuality };
  /** The kinds of trees that were tried; empty without a search. */
  readonly stages: readonly Stage[];
  /** Whether the time budget ended the search. */
  readonly isCutShort: boolean;
  /** The found curves and tables, the largest worth first. */
  readonly tables: readonly FoundTerm[];
  /** Features that tables cannot have. */
  readonly leftOut: readonly string[];
}

/** A curve of one feature, or a table of two. */
export interface FoundTerm {
  readonly of: readonly string[];
  /** Standard deviation over the training rows of what it adds to the log-odds. */
  readonly effect: number;
  readonly coefficient: number;
  readonly cells: number;
}

/** A model of tables, in the form of a fit to a design. */
export interface FoundFeatures {
  readonly design: DesignMatrix;
  readonly encoder: Encoder;
  /** The bins of the rows, for the report. */
  readonly axes?: FoundRows["axes"];
  readonly pooled: readonly PooledLevels[];
  readonly spec: FeatureSpec;
  readonly hyperParameters: HyperParameters;
  readonly fit: Fit;
  /** Absent for the plain spec. */
  readonly outOfFold?: OutOfFold;
  /** Present if they were asked for. */
  readonly draws?: TableDraws;
  readonly notes: readonly string[];
}

export interface FindFeaturesOptions {
  readonly spec: FeatureSpec;
  readonly hyperParameters: HyperParameters;
  /** Whether a search has to end after the stage at hand. */
  readonly isOver?: (() => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly observe?: TrainObserver | undefined;
}

export interface FindFeaturesContext {
  readonly threads: Threads;
  readonly chunkStore: ChunkStore;
  readonly sums: ClassSums;
  /** Click rate of the training rows. */
  readonly baseRate: number;
  /** Where the stages of a search are kept until it ends; absent if they are not. */
  readonly kept?: KeptSearch | undefined;
}

/**
 * Finds curves and tables of the features, or makes those of the spec, and compares them with the plain spec on rows that neither was
 * fitted to. After a search the plain spec stays unless the tables are better.
 *
 * @param design Of the plain spec, with group hashes and, if classes are balanced, weights of the fit. Must not be used if tables are returned: its chunks are rewritten.
 * @throws {Failure} `usage-invalid` for settings that tables do not have; as `findTables` and `fit`.
 */
export async function findFeatures(
  binned: BinnedRows,
  design: DesignMatrix,
  { threads, chunkStore, sums, baseRate, kept }: FindFeaturesContext,
  options: FindFeaturesOptions,
): Promise<{ readonly search: FeatureSearch; readonly found: FoundFeatures | undefined }> {
  const { spec, hyperParameters, isOver, signal, observe } = options;
  requireSettings(hyperParameters);
  const names = binned.axes.map(({ name }) => name);
  requireAxes(names);
  const wanted = hyperParameters.features === "auto" ? undefined : spec.tables;
  let isCutShort = false;
  // Signals are delivered between tasks.
  await yieldToEventLoop();
  const rows = searchRowsOf(binned, design, hyperParameters.split);
  const work = {
    ...{ threads, kept },
    observe: observe?.stage && ((event: SearchEvent) => observe.stage?.(progressOf(event))),
    checkpoint: () => signal?.throwIfAborted(),
  };
  const model = await findTables(rows, {
    ...work,
    seed: hyperParameters.seed,
    steps: wanted && stepsOf(wanted, hyperParameters.seed, names),
    stopAt(stage) {
      observe?.searched?.(stage);
      return isCutShort ||= isOver?.() ?? false;
    },
  });
  const shift = classShift(sums, hyperParameters.classWeight);
  const isBalanced = hyperParameters.classWeight === "balanced";
  const measured = isBalanced ? { ...rows, weights: rowWeightsOf(design) } : rows;
  const outOfFold = isBalanced ? withoutClassWeights(model.outOfFold, measured, shift) : model.outOfFold;
  const plain = await plainQuality(design, outOfFold, {
    hyperParameters,
    baseRate,
    shift,
    threads,
    chunkStore,
    signal,
    observe: (done, total) =>
      observe?.stage?.({ stage: "comparing with the plain spec", done, total, unit: "folds" }),
  });
  const { logLoss, ece } = outOfFold;
  const search: FeatureSearch = {
    taken: wanted || logLoss < plain.logLoss ? "tables" : "plain",
    outOfFold: { tables: { logLoss, ece }, plain },
    stages: model.stages,
    isCutShort,
    tables: termsOf(model, names),
    leftOut: binned.leftOut,
  };
  if (search.taken === "plain") return { search, found: undefined };
  const draws = hyperParameters.intervals === "bootstrap" ? await drawTables(model.basis, work) : undefined;
  const { encoder, positionsOfBins } = foundEncoder(binned, model.tables);
  const found = {
    ...draws ? { draws } : {},
    design: foundDesign(design, binned, model.tables, chunkStore),
    encoder,
    axes: binned.axes.map(({ name, codes, range }, a) => ({
      name,
      codes,
      range,
      positions: positionsOfBins[a],
    })),
    pooled: binned.pooled,
    spec: foundSpec(spec, model.steps, names),
    hyperParameters: { ...hyperParameters, features: "found" as const },
    fit: fitOf(model),
    outOfFold: {
      rows: outOfFoldRowsOf(measured, outOfFold.logits, hyperParameters.negatives),
      folds: outOfFold.folds.length,
    },
    notes: notesOf(search, model),
  };
  return { search, found };
}

function termsOf({ tables }: FoundModel, names: readonly string[]): FoundTerm[] {
  return tables.map(({ fields, worth, coefficient, cells }) => ({
    of: fields.map((field) => names[field]),
    effect: Math.sqrt(worth),
    coefficient,
    cells: cells.length,
  }));
}

/** @throws {Failure} `usage-invalid` */
function requireSettings({ optimizer }: HyperParameters): void {
  if (optimizer === undefined) return;
  throw usageInvalid(`--solver ${optimizer} is not for curves and tables: leave it out.`);
}

/** @throws {Failure} `usage-invalid` if a column has the name of a part of a time. */
function requireAxes(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw usageInvalid(
    `Two features are called "${twice}", one of them as the part of a time: rename the column in the view, with AS.`,
  );
}

function progressOf({ stage, mode, leaves, pairCount, trees, treesTotal }: SearchEvent) {
  const what = stage === "final"
    ? "final tables"
    : stage === "resamples"
    ? "tables of resamples"
    : `${stage}: ${leaves} leaves${pairCount > 0 ? `, ${pairCount} pairs` : ""}, ${mode} splits`;
  return {
    stage: what,
    done: trees,
    ...(treesTotal === undefined ? {} : { total: treesTotal }),
    unit: "trees",
  };
}

function fitOf({ intercept, tables, certificate }: FoundModel): Fit {
  const { iterations, gradientMax, objective } = certificate;
  return {
    solver: "tables",
    coefficients: Float64Array.from([...tables.map(({ coefficient }) => coefficient), intercept]),
    iterations,
    gradientMax,
    objective,
    convergence: {},
  };
}

/** Notes on what was found, which a repetition without a search also makes. */
function notesOf(
  { outOfFold: { tables: own, plain }, tables, leftOut }: FeatureSearch,
  { steps }: FoundModel,
): string[] {
  const curves = tables.filter(({ of }) => of.length === 1).length;
  const shown = ({ logLoss, ece }: OutOfFoldQuality) =>
    `${logLoss.toFixed(4)} (calibration error ${ece.toFixed(4)})`;
  return [
    `${curves} curve(s) and ${tables.length - curves} table(s) of two features, by trees of ${
      leavesOf(steps)
    } leaves: their out-of-fold ` +
    `log loss is ${shown(own)}, that of the plain spec ${shown(plain)}.`,
    ...(own.logLoss < plain.logLoss ? [] : [
      "The plain spec is better on these rows: search again with --features auto, or train without tables.",
    ]),
    ...(leftOut.length === 0 ? [] : [
      `${
        leftOut.join(", ")
      }: the words of a text are not looked up in tables. Rows may have it, to no effect.`,
    ]),
  ];
}

function leavesOf({ kinds }: FoundModel["steps"]): string {
  const counts = [...new Set(kinds.map(({ leaves }) => leaves))].sort((a, b) => a - b);
  return counts.join(" and of ");
}
