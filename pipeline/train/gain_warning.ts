import { type PairedTest, pairedTest } from "../evaluate/comparison.ts";
import { lossesOf, numberGroups } from "../evaluate/ranked_rows.ts";
import { confidenceLevel } from "../evaluate/resampling.ts";
import type { LeakWarning } from "../examples/leaks/leak_warning.ts";
import type { OutOfFoldRows } from "../fit/calibration/calibrate.ts";
import { normalQuantile } from "../math/normal_quantile.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import { probabilityOf } from "../model/predictor.ts";
import { testRowsMin } from "./notes.ts";

/** A model on its held-out rows. */
export interface HeldOutModel {
  readonly metrics: Pick<Metrics, "log_loss" | "base_log_loss">;
  readonly rows: { readonly train: number; readonly test: number };
  /** Held-out rows with label 1. */
  readonly clicks: { readonly test: number };
  readonly columnCount: number;
  /** Compares the model with the base rate; absent if rows are not known one by one. */
  readonly test?: PairedTest | undefined;
}

/**
 * Compares a model with the base rate on rows that it was not trained on.
 *
 * @param baseRate Weighted click rate of the training rows.
 */
export function testGain(rows: OutOfFoldRows, baseRate: number): PairedTest {
  const losses = lossesOf(rows, rows.logits.map(probabilityOf));
  const ofBaseRate = lossesOf(rows, new Float64Array(losses.length).fill(baseRate));
  return pairedTest(rows, numberGroups(rows.groups), losses, ofBaseRate);
}

/**
 * Warns of a model that is worse on the held-out rows than the base rate alone, or not better by more than chance. No warning where too
 * few rows are held out to tell, which a note says.
 */
export function warnOfGain({ metrics, rows, clicks, columnCount, test }: HeldOutModel): LeakWarning[] {
  if (rows.test < testRowsMin || clicks.test === 0 || clicks.test === rows.test) return [];
  const { log_loss: loss, base_log_loss: baseLoss } = metrics;
  const seen = loss > baseLoss
    ? `the model is worse than no model: its log loss ${loss.toFixed(4)} is ${
      (100 * (loss / baseLoss - 1)).toFixed(1)
    } % above that of the base rate alone, ${baseLoss.toFixed(4)}`
    : unsureGain(test);
  if (seen === undefined) return [];
  const text =
    `on ${rows.test} held-out rows ${seen}. It has ${columnCount} columns, fitted to ${rows.train} rows. ` +
    "Do not rely on it: take columns out, fit with a stronger penalty (--C 0.01; clickwell sweep finds one), or train on more rows.";
  return [{ kind: "no-gain", columns: [], text }];
}

/** @returns undefined if the model is better by more than chance, or it is not known. */
function unsureGain(test: PairedTest | undefined): string | undefined {
  if (!test || test.standard_error === null) return undefined;
  const { difference, standard_error: error } = test;
  const reach = -normalQuantile((1 - confidenceLevel) / 2) * error;
  if (difference > reach) return undefined;
  const [low, high] = [difference - reach, difference + reach].map((value) => value.toFixed(4));
  return `it is not shown that the model is better than the base rate alone: it lowers the log loss by ${
    difference.toFixed(4)
  }, and the ${100 * confidenceLevel} % interval from ${low} to ${high} includes no gain`;
}
