import { log } from "../math/elementary.ts";
import { bounded } from "./metrics.ts";
import type { Groups, GroupSums, LabelledRows } from "./ranked_rows.ts";
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
  readonly rows: LabelledRows;
  readonly groups: Groups;
  /** Sums over the groups, with the model's losses. */
  readonly sums: GroupSums;
  readonly strongest: SingleField | undefined;
  readonly baseRate: number;
}

/** Log losses of the baselines, and their differences from the model's; null without rows. */
export type BaselineValues = readonly (readonly [logLoss: number | null, difference: number | null])[];

/** Computes log losses. @param counts How often each group occurs, shape (groups). Default: once. */
export type BaselineReader = (counts?: Uint8Array) => BaselineValues;

/** Returns a function that computes the log losses of the base rate, and of the strongest field if there is one. */
export function createBaselineReader(
  { rows, groups, sums, strongest, baseRate }: BaselineInputs,
): BaselineReader {
  const [ofClick, ofOther] = [-log(bounded(baseRate)), -log(bounded(1 - baseRate))];
  const ofBaseRate = sums.weights.map((weight, group) =>
    ofClick * sums.clicks[group] + ofOther * (weight - sums.clicks[group])
  );
  const losses = [ofBaseRate, ...(strongest ? [groupLosses(rows, groups, strongest.losses)] : [])];
  const once = new Uint8Array(groups.hashes.length).fill(1);
  return (counts = once) => losses.map((own) => meansAt(sums, own, counts));
}

/** @param drawn What the reader finds in resamples. @returns The baselines, each with its difference from the model. */
export function baselinesOf(
  { strongest, baseRate }: Pick<BaselineInputs, "strongest" | "baseRate">,
  read: BaselineReader,
  drawn: readonly BaselineValues[],
): Baselines {
  const [ofBaseRate, ofField] = read().map(([logLoss, difference], baseline) => ({
    log_loss: estimateOf(logLoss, drawn.map((values) => values[baseline][0]), { low: 0, high: Infinity }),
    difference: estimateOf(difference, drawn.map((values) => values[baseline][1]), {
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

/** Returns the sum of the weighted losses of each group. */
function groupLosses(
  { weights }: LabelledRows,
  { ofRow, hashes }: Groups,
  losses: Float64Array,
): Float64Array {
  const sums = new Float64Array(hashes.length);
  for (let i = 0; i < ofRow.length; i++) sums[ofRow[i]] += (weights ? weights[i] : 1) * losses[i];
  return sums;
}

/**
 * A log loss is a quotient of sums over groups, so that a resample takes a pass over groups and not over rows.
 *
 * @param baseline Losses of the baseline, shape (groups).
 */
function meansAt(
  { weights: total, losses: model }: GroupSums,
  baseline: Float64Array,
  counts: Uint8Array,
): BaselineValues[number] {
  let [rows, ofModel, ofBaseline] = [0, 0, 0];
  for (let group = 0; group < counts.length; group++) {
    rows += counts[group] * total[group];
    ofModel += counts[group] * model[group];
    ofBaseline += counts[group] * baseline[group];
  }
  return rows > 0 ? [ofBaseline / rows, (ofBaseline - ofModel) / rows] : [null, null];
}
