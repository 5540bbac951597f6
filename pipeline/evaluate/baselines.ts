import { log } from "../math/elementary.ts";
import { bounded } from "./metrics.ts";
import type { Groups, GroupSums, LabelledRows } from "./ranked_rows.ts";
import { drawCounts, type Estimate, estimateOf, type ResampleOptions } from "./resampling.ts";
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

/** @returns The baselines, each with its difference from the model. */
export function baselinesOf(
  { rows, groups, sums, strongest, baseRate }: BaselineInputs,
  options: ResampleOptions,
): Baselines {
  const [ofClick, ofOther] = [-log(bounded(baseRate)), -log(bounded(1 - baseRate))];
  const ofBaseRate = sums.weights.map((weight, group) =>
    ofClick * sums.clicks[group] + ofOther * (weight - sums.clicks[group])
  );
  const of = (own: Float64Array) => baselineOf(groups, sums, own, options);
  return {
    base_rate: { rate: baseRate, ...of(ofBaseRate) },
    ...(strongest
      ? {
        strongest_field: {
          field: strongest.name,
          levels: strongest.levels,
          ...of(groupLosses(rows, groups, strongest.losses)),
        },
      }
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
function baselineOf(
  { hashes }: Groups,
  { weights: total, losses: model }: GroupSums,
  baseline: Float64Array,
  { resamples, seed }: ResampleOptions,
): Baseline {
  const counts = new Uint8Array(hashes.length).fill(1);
  const meanOf = () => {
    let [rows, ofModel, ofBaseline] = [0, 0, 0];
    for (let group = 0; group < counts.length; group++) {
      rows += counts[group] * total[group];
      ofModel += counts[group] * model[group];
      ofBaseline += counts[group] * baseline[group];
    }
    return rows > 0 ? [ofBaseline / rows, (ofBaseline - ofModel) / rows] : [null, null];
  };
  const [logLoss, difference] = meanOf();
  const drawn: (number | null)[][] = [];
  for (let resample = 0; hashes.length > 1 && resample < resamples; resample++) {
    drawCounts(hashes, resample, seed, counts);
    drawn.push(meanOf());
  }
  return {
    log_loss: estimateOf(logLoss, drawn.map(([loss]) => loss), { low: 0, high: Infinity }),
    difference: estimateOf(difference, drawn.map(([, one]) => one), { low: -Infinity, high: Infinity }),
  };
}
