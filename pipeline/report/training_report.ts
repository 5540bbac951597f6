import type { DesignMatrix } from "../encode/design_matrix.ts";
import type { Encoder } from "../encode/encoder.ts";
import type { MemoryBudget } from "../chunks/memory_budget.ts";
import { leftOutPart, testPart, trainPart } from "../examples/split.ts";
import { probabilitiesOf, type RowProbabilities } from "../fit/row_probabilities.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import { type EvaluatedKnownRows, evaluateKnownRows, type KnownRows } from "./known_rows.ts";
import { foundParts } from "./found_parts.ts";
import type { FoundRows } from "./found_sums.ts";
import { servedCalibration } from "../model/calibration_map.ts";
import { probabilityOf } from "../model/predictor.ts";
import type { ModelReport, TraceStep } from "./model_report.ts";
import { periodsOf } from "./period_parts.ts";
import { modelParts } from "./model_parts.ts";
import type { SampledRow } from "./sampled_rows.ts";
import type { Threads } from "../runtime/thread_pool.ts";

/** The report of a model whose id is not known yet. */
export type TrainingReport = Omit<ModelReport, "model_id">;

export interface TrainedParts {
  /** With the hashes of groups. */
  readonly design: DesignMatrix;
  readonly encoder: Encoder;
  readonly metadata: ArtifactMetadata;
  /** Weighted click rate of the training rows. */
  readonly baseRate: number;
  /** Some of the evaluated rows. */
  readonly sampled: readonly SampledRow[];
  readonly trace: readonly TraceStep[];
  /** Of a model of curves and tables: the bins of all rows. */
  readonly axes?: FoundRows["axes"] | undefined;
  /** Of a model that continues another: the probability of each new row before it was learned, in the order of the design. */
  readonly progressive?: RowProbabilities;
  /** What `reportedRows` returned, if it was called. */
  readonly rows?: EvaluatedKnownRows | undefined;
  /** Of the training, which are idle. */
  readonly threads: Threads;
  /** Of the chunks of the design. */
  readonly budget: MemoryBudget | undefined;
}

/** Parts whose rows a report evaluates, and those of the training rows if these are others. */
interface ReportedParts {
  readonly parts: readonly number[];
  readonly trainParts?: readonly number[];
}

/** @param counts Of the held-out rows, all and clicked: rows of one label are not enough to evaluate on. */
function reportedParts(
  { rows, clicks }: Record<"rows" | "clicks", { readonly test: number }>,
): ReportedParts {
  const trainParts = [trainPart, leftOutPart];
  const isHeldOut = clicks.test > 0 && clicks.test < rows.test;
  return isHeldOut ? { parts: [testPart], trainParts } : { parts: trainParts };
}

/**
 * Evaluates the rows of a report as soon as their probabilities are known.
 *
 * @returns With the metrics of the model; undefined if the rows are others.
 */
export async function reportedRows(
  rows: Omit<KnownRows, "trainParts">,
  counts: Parameters<typeof reportedParts>[0],
): Promise<EvaluatedKnownRows | undefined> {
  const { parts, ...others } = reportedParts(counts);
  return String(rows.known.parts) === String(parts)
    ? await evaluateKnownRows({ ...rows, ...others }, true)
    : undefined;
}

/**
 * Collects what the report of a trained model draws, in a few passes over the rows. The result depends on the rows and the model alone.
 */
export async function reportOfTraining(parts: TrainedParts): Promise<TrainingReport> {
  const { encoder, metadata, sampled, trace, progressive } = parts;
  const reported = progressive ? progressive : reportedParts(metadata.data);
  const { rowCount, evaluation, ...rows } = parts.rows ?? await rowsOf(parts, reported);
  const isHeldOut = "trainParts" in reported;
  const isOfSameRows = isHeldOut || (!progressive && metadata.data.rows.test === 0);
  const periods = isOfSameRows ? periodsOf(metadata.metrics.by_time) : undefined;
  return {
    version: 1,
    program: metadata.program,
    rows: progressive ? "new" : isHeldOut ? "held-out" : "training",
    evaluation: periods ? { ...evaluation, by_time: periods } : evaluation,
    ...(evaluation.rows < rowCount ? { sampled_from: rowCount } : {}),
    ...modelParts(metadata, { encoder, sampled, ...rows }),
    ...(parts.axes ? curvesAndTables(parts, parts.axes, reported) : {}),
    trace,
  };
}

async function rowsOf(
  { metadata, progressive, ...rows }: TrainedParts,
  { parts, trainParts }: ReportedParts,
): Promise<EvaluatedKnownRows> {
  const { network, calibration, intercept } = metadata;
  const coefficients = Float64Array.from(metadata.coefficients.concat(intercept));
  const model = { coefficients, network, calibration };
  const known = progressive ?? await probabilitiesOf(rows.design, parts, model, rows);
  return await evaluateKnownRows({ ...rows, coefficients, known, ...trainParts ? { trainParts } : {} });
}

function curvesAndTables(
  { design, encoder, metadata }: TrainedParts,
  axes: FoundRows["axes"],
  { parts }: ReportedParts,
) {
  const { coefficients, intercept, calibration, draws } = metadata;
  const calibrated = servedCalibration(calibration);
  return foundParts({ encoder, coefficients, intercept, draws }, {
    design,
    axes,
    trainParts: [trainPart],
    evaluatedParts: parts,
    probabilityOf: (logit) => probabilityOf(calibrated ? calibrated(logit) : logit),
  });
}
