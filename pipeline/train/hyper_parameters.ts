import type { FeatureSpec, ReadSpec } from "../examples/spec.ts";
import { defaultTestShare } from "../examples/split.ts";
import type { CalibrationChoice } from "../fit/calibration/calibrate.ts";
import type { SolverName } from "../fit/fit.ts";
import type { MinibatchParameters } from "../fit/minibatch/options.ts";
import type { Penalty } from "../fit/penalised.ts";

/**
 * All that determines a model besides the data, the spec and the program. With an `optimizer` the model is trained by
 * mini-batches, and `solver`, `tolerance` and `iterationsMax` are ignored.
 */
export interface HyperParameters extends Partial<MinibatchParameters> {
  /**
   * `auto`: curves and tables are searched for; `found`: they are made as the spec's `tables` says. The penalty and the solver are then
   * those of the plain spec, with which they are compared.
   */
  readonly features?: "auto" | "found";
  readonly penalty: "l2" | "l1" | "elasticnet" | "none";
  /** Inverse strength of the penalty, as in scikit-learn; ignored without a penalty. */
  readonly C: number;
  /** Share of l1 in an elastic net, as in scikit-learn. */
  readonly l1Ratio: number;
  readonly solver: SolverName;
  readonly seed: number;
  /** Share of the groups that are held out; of the rows, for a split by time. */
  readonly testShare: number;
  /**
   * Absent: rows are held out by group. `time`: the last rows by time are. `both`: in addition, the groups of held-out rows leave
   * the training.
   */
  readonly split?: "time" | "both";
  /** The hash of a group, by which it is held out: absent for that of math/hash.ts; `sha256` for one that SQL engines compute, too. */
  readonly splitHash?: "sha256";
  /** Rows that are younger, counted from the newest one, are left out: their label may still change. */
  readonly matureSeconds?: number;
  /** Share of the training rows without a click that are kept; the intercept is corrected for it. */
  readonly negatives: number;
  /** `balanced`: both classes have the same weight in the fit; the intercept is corrected for it. */
  readonly classWeight: "none" | "balanced";
  /**
   * The map that calibrates the log-odds; `auto` is a map only if out-of-fold rows are better predicted by it. Default: none, `auto` for
   * found tables. A model's metadata has the map that was found, so that repeating the model does not choose again.
   */
  readonly calibrate?: CalibrationChoice;
  /**
   * `robust`: intervals allow for rows of a group to depend on each other. `bootstrap`: curves and tables are made again of resampled groups.
   * Absent: intervals are from the Hessian, and curves and tables have none.
   */
  readonly intervals?: "robust" | "bootstrap";
  /** Largest entry of the gradient at which a fit ends. */
  readonly tolerance: number;
  /** Maximum number of passes over the data. */
  readonly iterationsMax: number;
}

export const defaultHyperParameters: HyperParameters = {
  penalty: "l2",
  C: 1,
  l1Ratio: 0.5,
  solver: "auto",
  seed: 7,
  testShare: defaultTestShare,
  negatives: 1,
  classWeight: "none",
  tolerance: 1e-10,
  iterationsMax: 200,
};

/** Returns the spec by which the rows of a training are read. */
export function readSpecOf(spec: FeatureSpec, { splitHash }: Pick<HyperParameters, "splitHash">): ReadSpec {
  return splitHash === undefined ? spec : { ...spec, splitHash };
}

/** All by which examples are split and encoded, besides the spec: trainings that differ in other hyper-parameters share them. */
export interface Preparation
  extends Pick<HyperParameters, "seed" | "testShare" | "negatives" | "split" | "matureSeconds"> {
  /** Share of the rows for early stopping; 0 without it. */
  readonly validationShare: number;
  /** Whether levels that were always or never clicked are pooled with the unseen ones. */
  readonly poolPure: boolean;
  readonly withTables: boolean;
}

export function preparationOf(spec: Pick<FeatureSpec, "tables">, parameters: HyperParameters): Preparation {
  const { seed, testShare, negatives, split, matureSeconds, penalty } = parameters;
  const { optimizer, patience = 0, validationShare = 0 } = parameters;
  return {
    ...{ seed, testShare, negatives },
    ...split === undefined ? {} : { split },
    ...matureSeconds === undefined ? {} : { matureSeconds },
    validationShare: optimizer !== undefined && patience > 0 ? validationShare : 0,
    poolPure: penalty === "none",
    withTables: makesTables(spec, parameters),
  };
}

/** Returns whether a training makes curves and tables. */
export function makesTables({ tables }: Pick<FeatureSpec, "tables">, { features }: HyperParameters): boolean {
  return features === "auto" || tables !== undefined;
}

/** Converts scikit-learn's `C` and `l1_ratio` to strengths relative to the sum of the losses. */
export function penaltyOf(
  { penalty, C, l1Ratio }: Pick<HyperParameters, "penalty" | "C" | "l1Ratio">,
): Penalty {
  if (penalty === "none") return { l2: 0, l1: 0 };
  const l1Share = penalty === "l2" ? 0 : penalty === "l1" ? 1 : l1Ratio;
  return { l2: (1 - l1Share) / C, l1: l1Share / C };
}
