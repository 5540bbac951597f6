import { defaultResampling, evaluateSums } from "../evaluate/evaluation.ts";
import type { Encoder } from "../encode/encoder.ts";
import type { ArtifactMetadata, Metrics } from "../model/artifact_metadata.ts";
import { modelParts } from "../report/model_parts.ts";
import type { EngineNote, TraceStep } from "../report/model_report.ts";
import type { TrainingReport } from "../report/training_report.ts";
import type { ClassCounts } from "../train/class_counts.ts";
import type { PartedRows } from "./fit_encoder.ts";
import type { PredictedRows } from "./predicted_rows.ts";
import { collectReport, type ReportSums } from "./report_sums.ts";
import { metricsOfScores, scoreSums } from "./score_histogram.ts";

/** What a report on an engine's rows is made of. */
export interface EngineReportInputs {
  readonly sums: ReportSums;
  readonly encoder: Encoder;
  readonly metadata: ArtifactMetadata;
  /** Weighted click rate of the training rows. */
  readonly baseRate: number;
  readonly trace: readonly TraceStep[];
  /** The engine's kind. */
  readonly engine: string;
}

/** Computes the metrics, and what the report draws: of rows of both labels. @param onStatement Called before each statement. */
export async function evaluateOnEngine(
  predicted: PredictedRows,
  parted: PartedRows,
  { rows, clicks, baseRate }: ClassCounts,
  onStatement: (stage: string) => void,
): Promise<{ readonly metrics: Metrics; readonly sums: ReportSums }> {
  const scoresOf = (part: number) =>
    scoreSums(predicted, [part], part === 0 ? rows.train : rows.test, onStatement);
  const scores = await scoresOf(rows.test > 0 ? 1 : 0);
  // Held-out rows of one label are not enough to report on.
  const part = clicks.test > 0 && clicks.test < rows.test ? 1 : 0;
  const reported = part === 1 || rows.test === 0 ? scores : await scoresOf(part);
  return {
    metrics: metricsOfScores(scores, baseRate),
    sums: await collectReport({ ...predicted, parted, part, scores: reported }, onStatement),
  };
}

/** Makes the report of a model whose rows stayed in an engine: what sums give, and the names of what they do not give. */
export function reportOfSums(
  { sums, encoder, metadata, baseRate, trace, engine }: EngineReportInputs,
): TrainingReport {
  const { scores, groups, strongest, plans, bins, values, train, evaluated } = sums;
  const { evaluation } = evaluateSums({
    rankings: [scores],
    strongest,
    counts: { ...scores.counts, groups },
    hashes: Uint32Array.from({ length: scores.cells.sums.weights.length }, (_, block) => block),
    areBlocks: true,
  }, { ...defaultResampling, baseRate });
  return {
    version: 1,
    program: metadata.program,
    rows: sums.isHeldOut ? "held-out" : "training",
    evaluation,
    ...modelParts(metadata, { encoder, plans, bins, values, train, evaluated, sampled: [] }),
    trace,
    engine: noteOf(sums, metadata, engine),
  };
}

function noteOf({ uncompared }: ReportSums, { precision, spec }: ArtifactMetadata, name: string): EngineNote {
  return {
    name,
    approximate: [
      "Intervals of the metrics: from 64 blocks of groups, into which groups fall by their hashes, resampled in place of the groups.",
      "Of more than 100,000 evaluated rows, AUC, calibration error and the curves of ranking: from a histogram of the scores with 64 " +
      "buckets per unit of log-odds, divided at the ends of the bins of the calibration error.",
      "Medians of the fields, and the ranges in which fields of numbers are drawn: from 256 slots.",
    ],
    missing: [
      "Importance by permutation, which needs rows. The spread of a field's curve tells how far it moves predictions.",
      "A search for leaks, which needs rows.",
      ...(spec.time === undefined ? [] : ["Metrics by day, week or month."]),
      ...(precision === undefined
        ? [
          "Intervals of the coefficients, which need a fit by Newton's method of at most 512 columns, without an l1 part and class weights.",
        ]
        : []),
      ...(uncompared.length === 0 ? [] : [
        `In the search for the strongest field, fields of more than 4,096 levels: ${
          uncompared.slice(0, 20).join(", ")
        }.`,
      ]),
    ],
  };
}
