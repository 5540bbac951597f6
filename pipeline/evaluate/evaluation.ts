import { baselineLosses, type Baselines, baselinesOf, groupLosses } from "./baselines.ts";
import { type PairedTest, pairedTest } from "./comparison.ts";
import { blocksOf, type CoarseRows, coarseRows } from "./coarse_rows.ts";
import {
  type CurvePoint,
  curvesOf,
  type Gain,
  gainsOf,
  perfectEce,
  type ReliabilityBin,
  reliabilityOf,
  type ScoreBin,
  scoresOf,
  type ThresholdResult,
  thresholdResult,
} from "./curves.ts";
import { type Division, withLargest } from "./divisions.ts";
import { differences, type Draws, drawsOf, estimates, type MetricEstimates } from "./metric_estimates.ts";
import { type LabelledRows, lossesOf, numberGroups, type RankedRows, rankRows } from "./ranked_rows.ts";
import { readResamples, readRows } from "./resample_kernel.ts";
import { confidenceLevel, type ResampleOptions } from "./resampling.ts";
import { type SingleField, strongestField } from "./single_field.ts";

/** Rows with the probabilities that a model gave them. */
export interface ScoredRows extends LabelledRows {
  /** Shape (rows). */
  readonly probabilities: Float64Array;
}

/** Metrics of some of the rows. */
export interface EvaluationPart {
  /** The level, or the start of the period. */
  readonly name: string;
  readonly rows: number;
  readonly clicks: number;
  /** Mean probability and click rate. */
  readonly predicted: number;
  readonly observed: number;
  readonly metrics: MetricEstimates;
}

export interface Slice {
  readonly field: string;
  readonly parts: readonly EvaluationPart[];
}

/** How another model predicts the same rows. */
export interface Against {
  readonly model_id: string;
  readonly metrics: MetricEstimates;
  /** Its metrics minus the model's, in the same resamples. */
  readonly differences: MetricEstimates;
  readonly test: PairedTest;
}

/**
 * How good a model is on some rows: sums and not rows, as the report, comparisons and `--json` have it. Rates and metrics count each
 * row by its weight; `rows` and `clicks` of the whole and of parts are counts of rows.
 */
export interface Evaluation {
  readonly rows: number;
  readonly clicks: number;
  readonly groups: number;
  /** Click rate of these rows, and mean probability. */
  readonly observed: number;
  readonly predicted: number;
  /** Confidence level of the intervals, and how they were made. */
  readonly level: number;
  readonly resamples: number;
  readonly seed: number;
  /** Number of blocks of groups that were resampled in place of the groups; absent if each group was. */
  readonly blocks?: number;
  readonly metrics: MetricEstimates;
  /** The calibration error that a perfect model is expected to show on these rows. */
  readonly perfect_ece: number;
  readonly baselines: Baselines;
  readonly reliability: readonly ReliabilityBin[];
  readonly roc: readonly CurvePoint[];
  readonly pr: readonly CurvePoint[];
  readonly scores: readonly ScoreBin[];
  readonly gains: readonly Gain[];
  readonly thresholds: readonly ThresholdResult[];
  readonly slices: readonly Slice[];
  readonly by_time?: { readonly unit: string; readonly parts: readonly EvaluationPart[] };
  readonly against?: Against;
}

export interface EvaluationOptions extends ResampleOptions {
  /** Click rate of the training rows. */
  readonly baseRate: number;
  /** Fields among which the strongest one is found. */
  readonly fields?: readonly Division[];
  readonly slices?: readonly Division[];
  readonly periods?: { readonly unit: string; readonly division: Division } | undefined;
  readonly thresholds?: readonly number[];
  /**
   * Number of rows from which on rows of similar probability are combined, and blocks of groups are resampled in place of the groups,
   * which takes a fraction of the time: then the AUC is that of the rows to about five digits, the calibration error to about three, and
   * intervals are within about a tenth of those by groups. Default: none.
   */
  readonly blocksFrom?: number;
  /** Another model, with its probabilities of the same rows. */
  readonly against?: { readonly modelId: string; readonly probabilities: Float64Array } | undefined;
}

export const defaultResampling: ResampleOptions = { resamples: 200, seed: 7 };
const slicePartsMax = 20;

/** Rows in the order of their probability, each by itself or standing for several, from which an evaluation is made. */
export interface RankedSums {
  /** By the model, then by the one that it is compared with. */
  readonly rankings: readonly [CoarseRows, ...CoarseRows[]];
  /** Counts of the rows and of their groups. */
  readonly counts: Pick<Evaluation, "rows" | "clicks" | "groups">;
  /** Hashes of what is resampled: groups, or blocks of groups. */
  readonly hashes: Uint32Array;
  readonly areBlocks: boolean;
  /** With the sums of its losses by what is resampled. */
  readonly strongest: SingleField | undefined;
}

/**
 * Evaluates a model on rows. The result depends on the rows and the options alone, and not on the order of the rows but for
 * rounding.
 *
 * @param rows At least one clicked row and one other.
 */
export function evaluate(rows: ScoredRows, options: EvaluationOptions): Evaluation {
  const { fields = [], slices = [], periods, against } = options;
  const numbered = numberGroups(rows.groups);
  const areBlocks = rows.labels.length >= (options.blocksFrom ?? Infinity);
  const groups = areBlocks ? blocksOf(numbered) : numbered;
  const rankingOf = (probabilities: Float64Array) => {
    const losses = lossesOf(rows, probabilities);
    if (areBlocks) return { ...coarseRows({ ...rows, probabilities }, groups, losses), losses };
    const cells = rankRows(rows, groups, probabilities);
    return { cells, bins: cells, losses };
  };
  const own = rankingOf(rows.probabilities);
  const other = against && rankingOf(against.probabilities);
  const strongest = strongestField(rows, groups, fields);
  const { evaluation, draws } = evaluateSums({
    rankings: [own, ...(other ? [other] : [])],
    counts: { rows: rows.labels.length, clicks: countOf(rows.labels), groups: numbered.hashes.length },
    ...{ hashes: groups.hashes, areBlocks },
    strongest: strongest && { ...strongest, losses: groupLosses(rows, groups, strongest.losses) },
  }, options);
  const partsOf = (division: Division) => evaluateParts(rows, division, options);
  return {
    ...evaluation,
    slices: slices.map((division) => ({
      field: division.name,
      parts: partsOf(withLargest(division, slicePartsMax)),
    })),
    ...(periods ? { by_time: { unit: periods.unit, parts: partsOf(periods.division) } } : {}),
    ...(against && other
      ? {
        against: {
          model_id: against.modelId,
          metrics: estimates(draws[1]),
          differences: differences(draws[1], draws[0]),
          test: pairedTest(rows, numbered, own.losses, other.losses),
        },
      }
      : {}),
  };
}

/** Evaluates a model by ranked rows, as `evaluate`. @returns Also the metrics in the resamples, by ranking. */
export function evaluateSums(
  { rankings, counts, hashes, areBlocks, strongest }: RankedSums,
  { baseRate, thresholds = [], resamples, seed }: Pick<
    EvaluationOptions,
    "baseRate" | "thresholds" | keyof ResampleOptions
  >,
): { readonly evaluation: Evaluation; readonly draws: readonly Draws[] } {
  const [{ cells: ranked, bins }] = rankings;
  const read = {
    hashes,
    rankings: rankings.map(({ bins }) => bins),
    baselines: baselineLosses(ranked.sums, { strongest, baseRate }),
  };
  const [whole, drawn] = [readRows(read), readResamples(read, { resamples, seed })];
  const ofCells = areBlocks ? readRows({ ...read, rankings: rankings.map(({ cells }) => cells) }) : whole;
  const draws = rankings.map((_, i) => drawsOf(ofCells.metrics[i], drawn.map(({ metrics }) => metrics[i])));
  const evaluation = {
    ...counts,
    ...meansOf(ranked),
    level: confidenceLevel,
    resamples,
    seed,
    ...(areBlocks ? { blocks: hashes.length } : {}),
    metrics: estimates(draws[0]),
    perfect_ece: perfectEce(ranked),
    baselines: baselinesOf({ strongest, baseRate }, whole, drawn),
    reliability: reliabilityOf(bins),
    ...curvesOf(ranked),
    scores: scoresOf(ranked),
    gains: gainsOf(ranked),
    thresholds: thresholds.map((threshold) => thresholdResult(ranked, threshold)),
    slices: [],
  };
  return { evaluation, draws };
}

/** Evaluates the rows of each level that has any. */
function evaluateParts(
  rows: ScoredRows,
  { codes, levels }: Division,
  options: ResampleOptions,
): EvaluationPart[] {
  return levels.flatMap((name, level) => {
    const isOwn = (_: number, i: number) => codes[i] === level;
    const labels = rows.labels.filter(isOwn);
    if (labels.length === 0) return [];
    const own = { labels, groups: rows.groups.filter(isOwn), weights: rows.weights?.filter(isOwn) };
    const groups = numberGroups(own.groups);
    const ranked = rankRows(own, groups, rows.probabilities.filter(isOwn));
    const read = { hashes: groups.hashes, rankings: [ranked] };
    const drawn = readResamples(read, options).map(({ metrics: [values] }) => values);
    const draws = drawsOf(readRows(read).metrics[0], drawn);
    return [{
      name,
      rows: labels.length,
      clicks: countOf(labels),
      ...meansOf(ranked),
      metrics: estimates(draws),
    }];
  });
}

function countOf(labels: Uint8Array): number {
  return labels.reduce((sum, label) => sum + label, 0);
}

function meansOf({ probabilities, labels, weights }: RankedRows): { observed: number; predicted: number } {
  let [total, clicks, sum] = [0, 0, 0];
  for (let i = 0; i < labels.length; i++) {
    total += weights[i];
    clicks += weights[i] * labels[i];
    sum += weights[i] * probabilities[i];
  }
  return { observed: clicks / total, predicted: sum / total };
}
