import { type ChunkStore, createChunkStore } from "../chunks/chunk_store.ts";
import type { DesignMatrix } from "../encode/design_matrix.ts";
import { Failure } from "../failure.ts";
import { calibrate, type CalibrationChoice, type OutOfFoldRows } from "../fit/calibration/calibrate.ts";
import type { EvaluatedModel } from "../fit/evaluate.ts";
import type { Fit } from "../fit/fit.ts";
import { divideIntoFolds, type FoldedDesign, withoutFolds } from "../fit/folds.ts";
import type { CalibrationRecord } from "../model/artifact_metadata.ts";
import type { PlattMap } from "../model/calibration_map.ts";
import { foldProblem, isUnfittable, type OutOfFoldOptions, outOfFoldRows } from "./out_of_fold.ts";
import { rescaled, type Uncertainty } from "./uncertainty.ts";

/** Mini-batch fits do not start near the final one: each fold costs most of a whole training. */
const foldCounts = { exact: 5, minibatch: 3 };

export interface CalibrateFitOptions extends Omit<OutOfFoldOptions, "folded" | "start"> {
  /** With the hashes of the groups. Consumed: its rows are reordered. */
  readonly design: DesignMatrix;
  /** The fit to all training rows, corrected for sampling. */
  readonly solution: Fit;
  readonly uncertainty: Uncertainty;
  /** Rows with out-of-fold log-odds; default: those of fits to folds. */
  readonly outOfFold?: OutOfFold | undefined;
  readonly chunkStore?: ChunkStore;
}

/** Rows with log-odds by models that were fitted to other folds. */
export interface OutOfFold {
  readonly rows: OutOfFoldRows;
  readonly folds: number;
}

/** A fit with its calibration. */
export interface CalibratedFit {
  readonly solution: Fit;
  readonly uncertainty: Uncertainty;
  /** Absent if the log-odds stay as they were fitted. */
  readonly calibration?: CalibrationRecord;
  /** The rows in their new order. */
  readonly design: DesignMatrix;
  readonly notes: readonly string[];
}

/**
 * Calibrates a fit by a map that is fitted to out-of-fold log-odds of the training rows. A platt map is folded into the weights.
 *
 * @throws {Failure} `examples-invalid`, or as the fit of a fold, if a map that was asked for by name cannot be fitted.
 */
export async function calibrateFit(
  choice: Exclude<CalibrationChoice, "none">,
  options: CalibrateFitOptions,
): Promise<CalibratedFit> {
  const { design, hyperParameters, chunkStore = createChunkStore() } = options;
  if (options.outOfFold) {
    return withMap(mapOf(choice, options.outOfFold), options, design);
  }
  const foldCount = hyperParameters.optimizer === undefined ? foldCounts.exact : foldCounts.minibatch;
  const { seed, split } = hyperParameters;
  const folded = divideIntoFolds(design, { foldCount, seed, split, chunkStore, withGroups: true });
  return withMap(await findMap(choice, folded, options), options, withoutFolds(folded));
}

/** @param found A note in place of a map; undefined for none. */
function withMap(
  found: CalibrationRecord | string | undefined,
  { solution, uncertainty }: CalibrateFitOptions,
  design: DesignMatrix,
): CalibratedFit {
  if (typeof found === "string") return { solution, uncertainty, design, notes: [found] };
  if (!found) return { solution, uncertainty, design, notes: [] };
  const kept = { calibration: found, design, notes: [noteOf(found)] };
  if (found.method === "isotonic") return { solution, uncertainty, ...kept };
  return {
    solution: foldPlatt(solution, found),
    uncertainty: rescaled(uncertainty, found.slope),
    ...kept,
  };
}

/** @returns A note in place of a map if `auto` could not fit the folds; undefined if it keeps the log-odds. */
async function findMap(
  choice: Exclude<CalibrationChoice, "none">,
  folded: FoldedDesign,
  options: CalibrateFitOptions,
): Promise<CalibrationRecord | string | undefined> {
  const isAuto = choice === "auto";
  const problem = foldProblem(folded);
  if (problem !== undefined) {
    if (isAuto) return `not calibrated: ${problem}.`;
    throw new Failure(
      "examples-invalid",
      `Cannot fit the map of --calibrate ${choice}: ${problem}. Load more rows, or train with --calibrate none.`,
    );
  }
  const { optimizer } = options.hyperParameters;
  try {
    const rows = await outOfFoldRows({
      ...options,
      folded,
      ...(optimizer === undefined ? { start: options.solution.coefficients } : {}),
    });
    return mapOf(choice, { rows, folds: folded.folds.length });
  } catch (error) {
    if (!isUnfittable(error)) throw error;
    if (isAuto) return `not calibrated, since the fit to the rows of a fold failed: ${error.message}`;
    throw new Failure(
      error.kind,
      `Cannot fit the map of --calibrate ${choice}, since the fit to the rows of a fold failed: ${error.message} ` +
        "Or train with --calibrate none.",
    );
  }
}

/** @throws {Failure} `examples-invalid` if the map that was asked for by name cannot be fitted. */
function mapOf(
  choice: Exclude<CalibrationChoice, "none">,
  { rows, folds }: OutOfFold,
): CalibrationRecord | undefined {
  const { map, lossBefore, lossAfter } = calibrate(rows, choice);
  if (!map && choice !== "auto") {
    throw new Failure(
      "examples-invalid",
      `Cannot fit the map of --calibrate ${choice}: on rows that the model was not fitted to, the rate does not rise with its ` +
        "log-odds. The features tell nothing about the label; train with --calibrate none.",
    );
  }
  const fit = { folds, rows: rows.labels.length, log_loss_before: lossBefore, log_loss_after: lossAfter };
  return map && recordOf(map, fit);
}

type MapOf = NonNullable<ReturnType<typeof calibrate>["map"]>;
type FitRecord = Pick<CalibrationRecord, "folds" | "rows" | "log_loss_before" | "log_loss_after">;

function recordOf(map: MapOf, fit: FitRecord): CalibrationRecord {
  return map.method === "platt"
    ? { ...map, ...fit }
    : { method: map.method, logits: [...map.logits], log_odds: [...map.log_odds], ...fit };
}

/** Multiplies all weights by the slope, so that the log-odds of every row are those of the map. */
function foldPlatt(solution: Fit, { slope, intercept }: Pick<PlattMap, "slope" | "intercept">): Fit {
  const { network } = solution;
  const coefficients = solution.coefficients.map((value) => slope * value);
  coefficients[coefficients.length - 1] += intercept;
  return {
    ...solution,
    coefficients,
    // The weights of a network are those of weights.bin, which are float32.
    ...(network
      ? { network: { ...network, output: network.output.map((value) => Math.fround(slope * value)) } }
      : {}),
  };
}

function noteOf(found: CalibrationRecord): string {
  const { folds, log_loss_before: before, log_loss_after: after } = found;
  const map = found.method === "platt"
    ? `platt: log-odds times ${found.slope.toPrecision(4)}, ${found.intercept < 0 ? "minus" : "plus"} ${
      Math.abs(found.intercept).toPrecision(3)
    }, is in the weights`
    : `isotonic: ${found.logits.length} points`;
  return `calibrated (${map}): out-of-fold log loss ${before.toFixed(5)} before, ${
    after.toFixed(5)
  } after, in ${folds} folds of the training groups.`;
}

/** The part of a model that evaluation needs. */
export function evaluatedModel(
  { solution, calibration }: Pick<CalibratedFit, "solution" | "calibration">,
): EvaluatedModel {
  return { coefficients: solution.coefficients, network: solution.network, calibration };
}
