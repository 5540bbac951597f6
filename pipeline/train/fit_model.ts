import { columnNamer } from "../encode/column_names.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";
import type { Encoder } from "../encode/encoder.ts";
import type { PooledLevels } from "../encode/summarise.ts";
import type { ReadOptions } from "../examples/examples.ts";
import { trainPart } from "../examples/split.ts";
import { Failure, usageInvalid } from "../failure.ts";
import { type Fit, fit } from "../fit/fit.ts";
import { parseHidden } from "../fit/minibatch/hidden_layers.ts";
import { solveMinibatch } from "../fit/minibatch/minibatch.ts";
import {
  type EpochEvent,
  minibatchParameters,
  type OptimizerName,
  type TrainedParts,
} from "../fit/minibatch/options.ts";
import type { Stage } from "../fit/tables/found_model.ts";
import type { IterationEvent } from "../fit/penalised.ts";
import { Separation } from "../fit/separation.ts";
import { log } from "../math/elementary.ts";
import type { Trace } from "../report/trace.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { type HyperParameters, penaltyOf } from "./hyper_parameters.ts";

export interface TrainObserver {
  stage?(
    stage: { readonly stage: string; readonly done: number; readonly total?: number; readonly unit: string },
  ): void;
  /** Called with the reason if the view is joined by SQLite, which is slow. */
  slowJoin?(reason: string): void;
  /** Called after each kind of tree that a search for tables has tried. */
  searched?(stage: Stage): void;
  iteration?(event: IterationEvent): void;
  epoch?(event: EpochEvent): void;
}

/** Returns an observer that also adds the steps of a fit to its trace. */
export function tracedBy({ observer }: Trace, observe?: TrainObserver): TrainObserver {
  return {
    ...observe,
    iteration(event) {
      observer.iteration(event);
      observe?.iteration?.(event);
    },
    epoch(event) {
      observer.epoch(event);
      observe?.epoch?.(event);
    },
  };
}

/** Returns callbacks for `readExamples` that report progress and a slow join, and stop when aborted. */
export function readObserver(
  { observe, signal }: Pick<FitModelOptions, "observe" | "signal">,
): Pick<ReadOptions, "observe" | "onSlowJoin"> {
  return {
    observe(done) {
      signal?.throwIfAborted();
      observe?.stage?.({ stage: "reading", done, unit: "examples" });
    },
    onSlowJoin: (reason) => observe?.slowJoin?.(reason),
  };
}

/** Options of fitting a model to a design. */
export interface FitModelOptions {
  readonly hyperParameters: HyperParameters;
  /** Default: the training rows, and those for early stopping. */
  readonly parts?: TrainedParts;
  /** Starting point of an exact fit, shape (columns + 1), intercept last. */
  readonly start?: Float64Array;
  readonly signal?: AbortSignal;
  readonly observe?: TrainObserver;
}

/**
 * Fits a model to the training rows, with the solver or the optimizer that the hyper-parameters name.
 *
 * @param fixedAtZero Columns whose coefficient stays 0.
 * @throws {Failure} `not-converged`, `separable`, `interrupted`.
 */
export async function fitModel(
  design: DesignMatrix,
  encoder: Encoder,
  fixedAtZero: readonly number[],
  threads: Threads,
  options: FitModelOptions,
): Promise<Fit> {
  const { hyperParameters, signal, observe, start, parts } = options;
  const { optimizer } = hyperParameters;
  if (optimizer !== undefined) return await fitMinibatch(design, optimizer, fixedAtZero, options);
  try {
    return await fit(design, parts?.train ?? [trainPart], threads, {
      penalty: penaltyOf(hyperParameters),
      solver: hyperParameters.solver,
      gradientTolerance: hyperParameters.tolerance,
      iterationsMax: hyperParameters.iterationsMax,
      fixedAtZero,
      ...(start ? { start } : {}),
      observe: (event) => observe?.iteration?.(event),
      checkpoint: () => signal?.throwIfAborted(),
    });
  } catch (error) {
    throw separationFailure(error, encoder);
  }
}

/** Returns whether an error is that of a fit that found no optimum. */
export function isUnfitted(error: unknown): boolean {
  return error instanceof Separation || (error instanceof Failure && error.kind === "not-converged");
}

/** Returns the failure of a fit without a finite optimum, with the columns' names; any other error unchanged. */
export function separationFailure(error: unknown, encoder: Encoder): unknown {
  return error instanceof Separation ? separable(separationWords(error, encoder)) : error;
}

async function fitMinibatch(
  design: DesignMatrix,
  optimizer: OptimizerName,
  fixedAtZero: readonly number[],
  { hyperParameters, parts, signal, observe }: FitModelOptions,
): Promise<Fit> {
  const { hidden, inputColumns, ...parameters } = minibatchParameters({ ...hyperParameters, optimizer });
  requireColumns(design, inputColumns);
  const solution = await solveMinibatch(design, {
    ...parameters,
    hidden: parseHidden(hidden),
    seed: hyperParameters.seed,
    penalty: penaltyOf(hyperParameters),
    fixedAtZero,
    parts,
    validationShift: log(hyperParameters.negatives),
    observe: (event) => observe?.epoch?.(event),
    async pause(progress) {
      if (progress) {
        const { epoch, epochs, done, rows } = progress;
        observe?.stage?.({ stage: `epoch ${epoch} of ${epochs}`, done, total: rows, unit: "rows" });
      }
      // Signals are delivered between tasks: without a pause, Ctrl-C would wait for the end.
      await yieldToEventLoop();
      signal?.throwIfAborted();
    },
  });
  return { ...solution, solver: optimizer };
}

function requireColumns({ columnCount }: DesignMatrix, expected = columnCount): void {
  if (expected === columnCount) return;
  throw usageInvalid(
    `The first layer of --layers takes ${expected} columns, and the examples have ${columnCount}. Write the file for an ` +
      `input of ${columnCount} columns, or in Keras without an Input layer.`,
  );
}

/**
 * Rejects data in which the pure levels of one field hold most of the training weight: only used without a penalty.
 *
 * @param trainWeight Sum of the weights of the training rows.
 * @throws {Failure} `separable`
 */
export function requireInseparable(pooled: readonly PooledLevels[], trainWeight: number): void {
  for (const { field, levels, weight, reason } of pooled) {
    if (reason === "pure" && weight > trainWeight / 2) {
      throw separable(
        `${field} alone (${levels.slice(0, 3).join(", ")}) separates most rows with label 1 from the others`,
      );
    }
  }
}

function separable(what: string): Failure {
  return new Failure(
    "separable",
    `There is no finite optimum without a penalty: ${what}, so that log-odds would grow without bound. ` +
      "Use --penalty l2, or take the field out of the feature spec.",
  );
}

/** Describes a separation by what is proven about it: which of the columns it needs is unknown. */
function separationWords({ columns, complete }: Separation, encoder: Encoder): string {
  const nameOf = columnNamer(encoder);
  const named = columns.slice(0, 5)
    .map((column) => column < encoder.columnCount ? nameOf(column) : "the intercept").join(", ");
  const all = columns.length > 5 ? `${named} and ${columns.length - 5} more` : named;
  const what = "separates the rows with label 1 from the others";
  if (!complete) {
    return `a combination of columns ${what} in a part of the rows, and no finite coefficient is best for ${all}`;
  }
  return columns.length === 1
    ? `${all} ${what}`
    : `a combination of ${columns.length} columns (${all}) ${what}`;
}
