import type { DesignMatrix } from "../../encode/design_matrix.ts";
import { weightOf } from "../../encode/row_weight.ts";
import { log } from "../../math/elementary.ts";
import { Failure } from "../../failure.ts";
import type { MinibatchOptions } from "./options.ts";
import { clearColumn, forWeights, type ParameterLayout } from "./network_parameters.ts";
import type { NetworkPasses } from "./network_passes.ts";
import { createRowReader } from "./row_order.ts";
import { trainPart, validationPart } from "../../examples/split.ts";

/** A model in the making. */
export interface MinibatchState {
  readonly design: DesignMatrix;
  readonly layout: ParameterLayout;
  readonly parameters: Float64Array<SharedArrayBuffer>;
  readonly passes: NetworkPasses;
  readonly options: MinibatchOptions;
}

/** Rows of a batch that only measures: about a tenth of a second. */
export const measuredRows = 65_536;
/** Log loss, as a multiple of the click rate's own, above which a model has learnt less than nothing. */
const worseMax = 1.05;

/**
 * Gradient of the penalised mean loss, from the sums over some rows.
 *
 * @param sums As `NetworkPasses.sum` gives them.
 * @param weight Of those rows, and of all training rows, which the penalty is shared among.
 * @param gradient Overwritten.
 */
export function setGradient(
  { layout, parameters, options }: MinibatchState,
  sums: Float64Array,
  weight: { readonly rows: number; readonly all: number },
  gradient: Float64Array,
): void {
  for (let i = 0; i < gradient.length; i++) gradient[i] = sums[i] / weight.rows;
  const l2 = options.penalty.l2 / weight.all;
  if (l2 > 0) {
    forWeights(layout, (from, to) => {
      for (let i = from; i < to; i++) gradient[i] += l2 * parameters[i];
    });
  }
  for (const column of options.fixedAtZero ?? []) clearColumn(layout, column, gradient);
}

/** @param where What the training ended at. */
export function diverged(where: string, { learningRate }: MinibatchOptions): Failure {
  return new Failure(
    "not-converged",
    `The training did not converge, it ended at ${where}. Use a smaller --learning-rate (it was ${learningRate}), ` +
      "a stronger penalty (a smaller --C), or scale the numeric fields.",
  );
}

/** Sums over all rows of a part, as one batch would have them. */
async function sumPart(
  { design, layout, passes, options }: MinibatchState,
  part: number,
): Promise<Float64Array> {
  const reader = createRowReader(design, part);
  const total = new Float64Array(layout.length + 1);
  for (let count = 0; (count = reader.read(passes.batch, measuredRows)) > 0;) {
    const sums = await passes.sum(count);
    for (let i = 0; i < total.length; i++) total[i] += sums[i];
    await options.pause?.();
  }
  return total;
}

/** Mean log loss of the validation rows, unsampled as they are. */
export async function validationLossOf(learner: MinibatchState): Promise<number> {
  const { design, layout, parameters, options: { validationShift = 0 } } = learner;
  const kept = parameters[layout.interceptAt];
  parameters[layout.interceptAt] = kept + validationShift;
  const sums = await sumPart(learner, validationPart);
  parameters[layout.interceptAt] = kept;
  return sums[layout.length] / weightOf(design.chunks, [validationPart]);
}

/**
 * The penalised mean loss at the parameters, and its gradient's largest entry.
 *
 * @throws {Failure} `not-converged` for a model that is worse than none: it must not come into production unseen.
 */
export async function certify(
  learner: MinibatchState,
  baseRate: number,
): Promise<{ objective: number; gradientMax: number }> {
  const { design, layout, parameters, options } = learner;
  const weight = weightOf(design.chunks, [trainPart]);
  const sums = await sumPart(learner, trainPart);
  const loss = sums[layout.length] / weight;
  const baseLoss = -(baseRate * log(baseRate) + (1 - baseRate) * log(1 - baseRate));
  if (!(loss <= worseMax * baseLoss)) {
    throw diverged(
      `a log loss of ${loss.toPrecision(3)}, and the base rate alone has ${baseLoss.toPrecision(3)}`,
      options,
    );
  }
  const gradient = new Float64Array(layout.length);
  setGradient(learner, sums, { rows: weight, all: weight }, gradient);
  let gradientMax = 0;
  for (let i = 0; i < gradient.length; i++) gradientMax = Math.max(gradientMax, Math.abs(gradient[i]));
  let squares = 0;
  forWeights(layout, (from, to) => {
    for (let i = from; i < to; i++) squares += parameters[i] * parameters[i];
  });
  return { objective: loss + (options.penalty.l2 / weight / 2) * squares, gradientMax };
}
