import { type PairedTest, pairedTest } from "../../evaluate/comparison.ts";
import { numberGroups } from "../../evaluate/ranked_rows.ts";
import { exp, log1p } from "../../math/elementary.ts";
import { mixed } from "../../math/hash.ts";
import { type CalibrationMap, createCalibration } from "../../model/calibration_map.ts";
import { fitIsotonic, type RankedLogits } from "./isotonic.ts";
import { fitPlatt } from "./platt.ts";

export const calibrationChoices = ["none", "auto", "platt", "isotonic"] as const;
export type CalibrationChoice = typeof calibrationChoices[number];

/** Training rows, each with log-odds by a model that was not fitted to rows of its group. */
export interface OutOfFoldRows {
  /** Shape (rows), finite. */
  readonly logits: Float64Array;
  /** Shape (rows): 1 if the row was clicked. */
  readonly labels: Uint8Array;
  /** Shape (rows), positive; absent if every row counts once. */
  readonly weights?: Float64Array | undefined;
  /** Hash of the group, shape (rows). */
  readonly groups: Uint32Array;
}

export interface Calibration {
  /** undefined: the log-odds stay as they are. */
  readonly map: CalibrationMap | undefined;
  /** Mean log loss of the rows as they are, and by the map; the latter by maps fitted to other groups. */
  readonly lossBefore: number;
  readonly lossAfter: number;
}

const foldCount = 5;
/** How many standard errors of the difference a map has to be better, for `auto` to prefer it. */
const errorsMin = 2;

/**
 * Fits a calibration map to out-of-fold log-odds. `auto` takes a map only if its log loss, on groups that the map was not fitted to, is
 * lower by more than two standard errors (clustered by group), and isotonic only if it is that much better than platt.
 *
 * The result does not depend on the order of the rows but for rounding.
 *
 * @returns Without a map for `none`; if `auto` keeps the log-odds; or if the rate does not rise with the log-odds.
 */
export function calibrate(rows: OutOfFoldRows, choice: CalibrationChoice): Calibration {
  const before = lossesOf(rows, rows.logits);
  const lossBefore = meanOf(before, rows);
  const none: Calibration = { map: undefined, lossBefore, lossAfter: lossBefore };
  if (choice === "none") return none;
  const ranking = Uint32Array.from(rows.logits, (_, i) => i)
    .sort((a, b) => rows.logits[a] - rows.logits[b] || a - b);
  const tried = (choice === "auto" ? ["platt", "isotonic"] as const : [choice])
    .flatMap((method) => {
      const map = fitters[method](rank(rows, ranking));
      return map ? [{ map, losses: crossFitted(rows, ranking, method) }] : [];
    });
  if (choice !== "auto") {
    const [{ map, losses } = { map: undefined, losses: before }] = tried;
    return { map, lossBefore, lossAfter: meanOf(losses, rows) };
  }
  const groups = numberGroups(rows.groups);
  let best: { calibration: Calibration; losses: Float64Array } = { calibration: none, losses: before };
  for (const { map, losses } of tried) {
    if (!isBetter(pairedTest(rows, groups, losses, best.losses))) continue;
    best = { calibration: { map, lossBefore, lossAfter: meanOf(losses, rows) }, losses };
  }
  return best.calibration;
}

function isBetter({ difference, standard_error }: PairedTest): boolean {
  return standard_error !== null && difference > errorsMin * standard_error;
}

const fitters = { platt: fitPlatt, isotonic: fitIsotonic };

/** Sums the rows of each distinct log-odds. @param isWanted Other rows are left out. */
function rank(
  { logits, labels, weights }: OutOfFoldRows,
  ranking: Uint32Array,
  isWanted: (row: number) => boolean = () => true,
): RankedLogits {
  const target = {
    logits: new Float64Array(ranking.length),
    weights: new Float64Array(ranking.length),
    clicks: new Float64Array(ranking.length),
  };
  let count = 0;
  for (const row of ranking) {
    if (!isWanted(row)) continue;
    const at = count > 0 && target.logits[count - 1] === logits[row] ? count - 1 : count++;
    const weight = weights ? weights[row] : 1;
    target.logits[at] = logits[row];
    target.weights[at] += weight;
    target.clicks[at] += weight * labels[row];
  }
  return {
    logits: target.logits.subarray(0, count),
    weights: target.weights.subarray(0, count),
    clicks: target.clicks.subarray(0, count),
  };
}

/** Returns each row's loss by a map that was fitted to the other folds of the groups. */
function crossFitted(rows: OutOfFoldRows, ranking: Uint32Array, method: "platt" | "isotonic"): Float64Array {
  const { logits, groups } = rows;
  const folds = Uint8Array.from(groups, (group) => mixed(group ^ 0x3b9aca07) % foldCount);
  const mapped = Float64Array.from(logits);
  for (let fold = 0; fold < foldCount; fold++) {
    const map = fitters[method](rank(rows, ranking, (row) => folds[row] !== fold));
    if (!map) continue;
    const calibrated = createCalibration(map);
    for (let i = 0; i < logits.length; i++) if (folds[i] === fold) mapped[i] = calibrated(logits[i]);
  }
  return lossesOf(rows, mapped);
}

/** Returns the log loss of each row, without its weight. */
function lossesOf({ labels }: OutOfFoldRows, logits: Float64Array): Float64Array {
  return Float64Array.from(logits, (logit, i) => {
    const against = labels[i] === 1 ? -logit : logit;
    return log1p(exp(-Math.abs(against))) + (against > 0 ? against : 0);
  });
}

function meanOf(losses: Float64Array, { weights }: OutOfFoldRows): number {
  let [sum, total] = [0, 0];
  for (let i = 0; i < losses.length; i++) {
    const weight = weights ? weights[i] : 1;
    sum += weight * losses[i];
    total += weight;
  }
  return sum / total;
}
