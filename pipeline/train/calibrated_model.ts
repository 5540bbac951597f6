import type { DesignMatrix } from "../encode/design_matrix.ts";
import { testPart } from "../examples/split.ts";
import type { OutOfFoldRows } from "../fit/calibration/calibrate.ts";
import { checkCalibration } from "../fit/calibration/check.ts";
import { evaluatedParts } from "../fit/evaluate.ts";
import { evaluateByTime } from "../fit/evaluate_by_time.ts";
import type { Fit } from "../fit/fit.ts";
import { createModelRows, rowsOfSomeGroups } from "../fit/model_rows.ts";
import { probabilitiesOf } from "../fit/row_probabilities.ts";
import type { CalibrationRecord, Metrics } from "../model/artifact_metadata.ts";
import {
  type CalibratedFit,
  calibrateFit,
  type CalibrateFitOptions,
  evaluatedModel,
} from "./calibrate_fit.ts";
import type { FitModelOptions } from "./fit_model.ts";
import type { HyperParameters } from "./hyper_parameters.ts";
import type { Uncertainty } from "./uncertainty.ts";

/** A model with the metrics of what it serves. */
export interface CalibratedModel {
  /** The same rows as before, perhaps in another order. */
  readonly design: DesignMatrix;
  readonly solution: Fit;
  readonly uncertainty: Uncertainty;
  readonly calibration?: CalibrationRecord;
  readonly metrics: Metrics;
  /** With the map that was found in place of `auto`. */
  readonly hyperParameters: HyperParameters;
  readonly calibrationNotes: readonly string[];
  /** Held-out rows with the log-odds that the model serves: those of some groups if they are many. */
  readonly heldOut: OutOfFoldRows;
}

export interface UncalibratedFit extends Omit<CalibrateFitOptions, keyof FitModelOptions> {
  /** Of the fit as it is. */
  readonly metrics: Metrics;
  /** Weighted click rate of the training rows. */
  readonly baseRate: number;
}

/** Returns the map that is asked for. @param hasOutOfFold Whether rows that the fit does not know are at hand. */
export function calibrationChoice({ calibrate }: HyperParameters, hasOutOfFold: boolean) {
  return calibrate ?? (hasOutOfFold ? "auto" : "none");
}

/**
 * Calibrates a fit if the hyper-parameters say so, and checks the calibration on the held-out rows in any case.
 *
 * @throws {Failure} as `calibrateFit`.
 */
export async function calibrateIfAsked(
  { metrics, baseRate, ...fit }: UncalibratedFit,
  { hyperParameters, signal, observe }: FitModelOptions,
): Promise<CalibratedModel> {
  const { calibrate: _, ...others } = hyperParameters;
  const choice = calibrationChoice(hyperParameters, fit.outOfFold !== undefined);
  if (choice === "none") {
    const { design, solution, uncertainty } = fit;
    const heldOut = checkedRows(design, { solution });
    return {
      ...{ design, solution, uncertainty },
      metrics,
      // What the default is, is not kept.
      hyperParameters: fit.outOfFold ? hyperParameters : others,
      calibrationNotes: checkNotes(heldOut, { solution }),
      heldOut,
    };
  }
  const made = await calibrateFit(choice, {
    ...fit,
    hyperParameters,
    ...(signal ? { signal } : {}),
    ...(observe ? { observe } : {}),
  });
  const { design, solution, uncertainty, calibration, notes } = made;
  const heldOut = checkedRows(design, made);
  const kept = { design, solution, uncertainty, hyperParameters: others, heldOut };
  const calibrationNotes = [...notes, ...checkNotes(heldOut, made)];
  if (!calibration) return { ...kept, metrics, calibrationNotes };
  const { threads, chunkStore } = fit;
  const known = await probabilitiesOf(design, evaluatedParts(design), evaluatedModel(made), {
    threads,
    budget: chunkStore?.budget,
  });
  return {
    ...kept,
    calibration,
    metrics: evaluateByTime(design, known, baseRate),
    hyperParameters: { ...others, calibrate: calibration.method },
    calibrationNotes,
  };
}

/** Rows that are checked, at most: a deviation that matters is certain with fewer. */
const checkedRowsMax = 50_000;

type Checked = Pick<CalibratedFit, "solution" | "calibration">;

function checkedRows(design: DesignMatrix, model: Checked): OutOfFoldRows {
  const rows = createModelRows(design, [testPart]);
  rows.add([testPart], evaluatedModel(model));
  return rowsOfSomeGroups(rows.rows, checkedRowsMax);
}

/** Notes on probabilities of held-out rows that are off by more than chance. */
function checkNotes(rows: OutOfFoldRows, model: Checked): string[] {
  const found = checkCalibration(rows);
  if (!found?.isOff) return [];
  const { predicted, observed, slope, chiSquare, degrees } = found;
  const [mean, rate, distance] = [predicted, observed, chiSquare].map((value) => value.toPrecision(3));
  const fitted = slope === undefined
    ? "the rate does not rise with the log-odds"
    : `log-odds times ${slope.toPrecision(3)} would fit best`;
  const advice = model.calibration
    ? "A map of the training rows does not mend it: the held-out rows are of another kind, or later."
    : "--calibrate auto fits a map to out-of-fold rows; bins and crosses in the feature spec let the model follow the data.";
  return [
    `the calibration is off on the held-out rows by more than chance (chi-square ${distance}, ${degrees} expected): mean probability ` +
    `${mean}, rate ${rate}, ${fitted}. ${advice}`,
  ];
}
