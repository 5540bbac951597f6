import { log } from "../math/elementary.ts";
import { bounded } from "./metrics.ts";
import type { Groups, GroupSums, LabelledRows } from "./ranked_rows.ts";
import type { Reading } from "./resample_kernel.ts";
import { type Estimate, estimateOf } from "./resampling.ts";
import type { SingleField } from "./single_field.ts";

/** A simpler prediction of the same rows. */
export interface Baseline {
  readonly log_loss: Estimate;
  /** Its log loss minus the model's: positive if the model is better. */
  readonly difference: Estimate;
}

/** What a model is compared with. */
export interface Baselines {
  /** The click rate of the training rows for every row. */
  readonly base_rate: Baseline & { readonly rate: number };
  /** The click rate per level of the field that predicts best alone. */
  readonly strongest_field?: Baseline & { readonly field: string; readonly levels: number };
}

interface BaselineInputs {
  /** With the sums of its losses by group. */
  readonly strongest: SingleField | undefined;
  readonly baseRate: number;
}

/** Returns the losses of the base rate, and of the strongest field if there is one, summed over each group: shape (groups) each. */
export function baselineLosses(
  { weights, clicks }: GroupSums,
  { strongest, baseRate }: BaselineInputs,
): Float64Array[] {
  const [ofClick, ofOther] = [-log(bounded(baseRate)), -log(bounded(1 - baseRate))];
  const ofBaseRate = weights.map((weight, group) =>
    ofClick * clicks[group] + ofOther * (weight - clicks[group])
  );
  return [ofBaseRate, ...(strongest ? [strongest.losses] : [])];
}

/**
 * @param whole The losses of the baselines on the rows.
 * @param drawn The same in resamples.
 * @returns The baselines, each with its difference from the model.
 */
export function baselinesOf(
  { strongest, baseRate }: BaselineInputs,
  { baselines: whole }: Reading,
  drawn: readonly Reading[],
): Baselines {
  const [ofBaseRate, ofField] = whole.map(([logLoss, difference], i) => ({
    log_loss: estimateOf(logLoss, drawn.map(({ baselines }) => baselines[i][0]), { low: 0, high: Infinity }),
    difference: estimateOf(difference, drawn.map(({ baselines }) => baselines[i][1]), {
      low: -Infinity,
      high: Infinity,
    }),
  }));
  return {
    base_rate: { rate: baseRate, ...ofBaseRate },
    ...(strongest
      ? { strongest_field: { field: strongest.name, levels: strongest.levels, ...ofField } }
      : {}),
  };
}

/** Returns the sum of the weighted losses of each group. @param losses Shape (rows). */
export function groupLosses(
  { weights }: LabelledRows,
  { ofRow, hashes }: Groups,
  losses: Float64Array,
): Float64Array {
  const sums = new Float64Array(hashes.length);
  for (let i = 0; i < ofRow.length; i++) sums[ofRow[i]] += (weights ? weights[i] : 1) * losses[i];
  return sums;
}
