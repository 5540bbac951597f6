import type { ModelReport } from "../report/model_report.ts";
import type { Evaluation } from "../evaluate/evaluation.ts";
import type { PairedTest } from "../evaluate/comparison.ts";

/** Whether what a plot shows is good. */
export type Grade = "good" | "fair" | "poor";

/**
 * Where grades begin: a value of `good` or more is good, one of `fair` or more is fair, and any other is poor. They are rules of
 * thumb for clicks: what is good depends on what the probabilities are for.
 */
export const thresholds = {
  /** Share of the log loss of the click rate alone that the model saves. */
  skill: { good: 0.03, fair: 0.005 },
  /** Area under the ROC curve. */
  auc: { good: 0.65, fair: 0.55 },
  /** Area under the precision-recall curve: its share of the way from the click rate to 1. */
  precision: { good: 0.1, fair: 0.03 },
  /** Lift of the tenth of the rows with the highest probabilities, as a share of the highest possible one. */
  gains: { good: 0.2, fair: 0.08 },
  /** Quotient of the probabilities that nine tenths and one tenth of the rows do not reach. */
  spread: { good: 2, fair: 1.3 },
} as const;

/** Where grades of errors end: a value up to `good` is good, one up to `fair` is fair. */
export const limits = {
  /** Calibration error above what a perfect model shows by chance, as a share of the smaller of the rates of clicks and of others. */
  calibration: { good: 0.05, fair: 0.15 },
  /** Distance of mean probability and click rate in a part of the rows, as a share of the click rate. */
  part: { good: 0.1, fair: 0.25 },
  /** Share of the sum of all importances that one field has. */
  leaning: { good: 0.7, fair: 0.9 },
  /** Share of the training rows without a value, and of the evaluated rows with a level that training did not see. */
  missing: { good: 0.2, fair: 0.5 },
  unseen: { good: 0.02, fair: 0.1 },
} as const;

/** An AUC that real data hardly ever reaches: a column may tell the outcome. */
export const suspiciousAuc = 0.99;
/** Greatest p-value of a difference that chance does not explain. */
export const significant = 0.05;
/** Least variance of the clicks of a part that is judged: below it, chance is not described by a normal distribution. */
export const partVarianceMin = 10;
/** Standard deviations from which chance does not explain a distance: about one part in a thousand has more. */
export const chanceDeviations = 3.3;

export function gradeFrom(
  value: number,
  { good, fair }: { readonly good: number; readonly fair: number },
): Grade {
  return value >= good ? "good" : value >= fair ? "fair" : "poor";
}

export function gradeUpTo(
  value: number,
  { good, fair }: { readonly good: number; readonly fair: number },
): Grade {
  return value <= good ? "good" : value <= fair ? "fair" : "poor";
}

const grades: readonly Grade[] = ["good", "fair", "poor"];

export function worstOf(given: readonly Grade[]): Grade {
  return grades[Math.max(0, ...given.map((grade) => grades.indexOf(grade)))];
}

/** How much of the log loss of the click rate alone the model saves, and whether chance may explain that. */
export interface Skill {
  readonly grade: Grade;
  readonly saved: number;
  readonly isChance: boolean;
}

export function skillOf({ baselines: { base_rate } }: Evaluation): Skill {
  const { log_loss, difference } = base_rate;
  const saved = difference.value !== null && log_loss.value ? difference.value / log_loss.value : 0;
  const isChance = difference.low !== null && difference.low <= 0;
  return { grade: isChance ? "poor" : gradeFrom(saved, thresholds.skill), saved, isChance };
}

/** The calibration error above what a perfect model shows, relative to the rarer label. */
export function calibrationExcess({ metrics, perfect_ece, observed }: Evaluation): number {
  const rarer = Math.min(observed, 1 - observed);
  return rarer > 0 ? Math.max(0, (metrics.ece.value ?? 0) - perfect_ece) / rarer : 0;
}

export function calibrationGrade(evaluation: Evaluation): Grade {
  return gradeUpTo(calibrationExcess(evaluation), limits.calibration);
}

/** Share of the highest lift that a share of the rows can have: 0 as by chance, 1 if as many of them as can be are clicks. */
export function gainShare({ gains, observed }: Evaluation, share: number): number {
  const gain = gains.find((gain) => gain.share === share);
  const best = 1 / Math.max(observed, share);
  return gain && best > 1 ? (gain.lift - 1) / (best - 1) : 0;
}

/** Quotient of the probabilities that nine tenths and one tenth of the rows do not reach. */
export function spreadOf({ gains }: Evaluation): number {
  const [upper, lower] = [0.1, 0.9].map((share) => gains.find((gain) => gain.share === share)?.threshold);
  return upper !== undefined && lower !== undefined && lower > 0 ? upper / lower : 1;
}

/** Share of the way from the click rate to 1 that the area under the precision-recall curve goes. */
export function precisionShare({ metrics, observed }: Evaluation): number {
  return observed < 1 ? ((metrics.pr_auc.value ?? observed) - observed) / (1 - observed) : 0;
}

/** Rows of one part, by weight, with their mean probability and click rate. */
export interface PartRates {
  readonly name: string;
  readonly rows: number;
  readonly predicted: number;
  readonly observed: number;
}

/**
 * Finds the part whose mean probability is furthest from its click rate, relative to the rarer label, of those whose distance chance
 * does not explain. @returns undefined if there is none.
 */
export function worstPart<P extends PartRates>(
  parts: readonly P[],
): { readonly part: P; readonly error: number } | undefined {
  let worst: { part: P; error: number } | undefined;
  for (const part of parts) {
    const { rows, predicted, observed } = part;
    const variance = rows * predicted * (1 - predicted);
    const distance = Math.abs(predicted - observed);
    if (variance < partVarianceMin || rows * distance < chanceDeviations * Math.sqrt(variance)) continue;
    const error = distance / Math.max(Math.min(observed, 1 - observed), 1 / rows);
    if (!worst || error > worst.error) worst = { part, error };
  }
  return worst;
}

export function partsGrade(parts: readonly PartRates[]): Grade {
  return gradeUpTo(worstPart(parts)?.error ?? 0, limits.part);
}

export function comparisonGrade({ difference, p_value }: PairedTest): Grade {
  if (p_value === null || p_value >= significant) return "fair";
  return difference > 0 ? "good" : "poor";
}

/** The grade of the whole: of what the model saves, lower if its probabilities are not right or if its rows are those it learned. */
export function overallGrade(evaluation: Evaluation, rows: ModelReport["rows"]): Grade {
  const skill = skillOf(evaluation).grade;
  const isLimited = calibrationGrade(evaluation) === "poor" || rows === "training" ||
    (evaluation.metrics.auc.value ?? 0) >= suspiciousAuc;
  return worstOf([skill, isLimited ? "fair" : "good"]);
}
