import { rowsOf } from "../encode/design_matrix.ts";
import type { Encoder } from "../encode/encoder.ts";
import { Failure } from "../failure.ts";
import type { OutOfFoldRows } from "../fit/calibration/calibrate.ts";
import { corrected } from "../fit/class_balance.ts";
import type { Fold, FoldedDesign } from "../fit/folds.ts";
import { createModelRows } from "../fit/model_rows.ts";
import { pureColumns } from "../fit/separation.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import { type ClassCounts, partSumsOf } from "./class_counts.ts";
import { fitModel, type FitModelOptions } from "./fit_model.ts";

export interface OutOfFoldOptions extends Omit<FitModelOptions, "parts"> {
  readonly folded: FoldedDesign;
  readonly encoder: Encoder;
  readonly threads: Threads;
  readonly counts: Pick<ClassCounts, "sums">;
}

/**
 * Fits the model to the training rows of each fold and predicts the fold's other rows. As in a sweep, the encoder is that of all training
 * rows: but for rates, which are out of fold themselves, it sees no label.
 *
 * @param options.start The fit to all training rows, near which the folds' fits are.
 * @returns Rows in the order of the folds; those that sampling left out of the training count, too.
 * @throws {Failure} as `fitModel`.
 */
export async function outOfFoldRows(options: OutOfFoldOptions): Promise<OutOfFoldRows> {
  const { folded: { design, folds } } = options;
  const rows = createModelRows(design, folds.flatMap(({ scoreParts }) => scoreParts));
  for (const [f, fold] of folds.entries()) rows.add(fold.scoreParts, await fitFold(options, fold, f));
  return rows.rows;
}

async function fitFold(
  { folded, encoder, threads, counts, hyperParameters, start, signal, observe }: OutOfFoldOptions,
  { trainParts }: Fold,
  index: number,
) {
  const { design, folds, validationParts } = folded;
  const fixedAtZero = hyperParameters.penalty === "none" ? pureColumns(design, trainParts) : [];
  const name = `calibrating, fold ${index + 1} of ${folds.length}`;
  observe?.stage?.({ stage: name, done: index, total: folds.length, unit: "folds" });
  const fitted = await fitModel(design, encoder, fixedAtZero, threads, {
    hyperParameters,
    parts: { train: trainParts, validation: validationParts },
    ...(start ? { start: start.map((value, j) => fixedAtZero.includes(j) ? 0 : value) } : {}),
    ...(signal ? { signal } : {}),
    ...(observe?.stage
      ? {
        observe: {
          stage: ({ stage, ...rest }) => observe.stage?.({ stage: `${name}, ${stage}`, ...rest }),
        },
      }
      : {}),
  });
  return { ...fitted, coefficients: corrected(fitted.coefficients, counts.sums, hyperParameters) };
}

/** Describes why a design's folds cannot be fitted and scored; undefined if they can. */
export function foldProblem({ design, folds }: FoldedDesign): string | undefined {
  const { clicks } = partSumsOf(design);
  const sumOf = (values: readonly number[], parts: readonly number[]) =>
    parts.reduce((sum, part) => sum + values[part], 0);
  for (const [f, { trainParts, scoreParts }] of folds.entries()) {
    const [rows, ones] = [rowsOf(design, trainParts), sumOf(clicks, trainParts)];
    if (rowsOf(design, scoreParts) === 0) return `fold ${f + 1} of ${folds.length} has no rows`;
    if (ones === 0 || ones === rows) {
      return `the ${rows} training row(s) of fold ${f + 1} of ${folds.length} have one label only`;
    }
  }
  return undefined;
}

/** Whether an error says that the data does not allow the fit. */
export function isUnfittable(error: unknown): error is Failure {
  return error instanceof Failure && (error.kind === "not-converged" || error.kind === "separable");
}
