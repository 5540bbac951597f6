import type { DesignChunk, DesignMatrix } from "../encode/design_matrix.ts";
import type { Encoder } from "../encode/encoder.ts";
import type { MemoryBudget } from "../chunks/memory_budget.ts";
import { defaultResampling, evaluate, type Evaluation, type ScoredRows } from "../evaluate/evaluation.ts";
import { leftOutPart, testPart, trainPart } from "../examples/split.ts";
import { probabilitiesOf, type RowProbabilities } from "../fit/row_probabilities.ts";
import { mixed } from "../math/hash.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import type { ColumnSums } from "./column_sums.ts";
import { curvePlansOf } from "./curve_plans.ts";
import { foundParts } from "./found_parts.ts";
import type { FoundRows } from "./found_sums.ts";
import { servedCalibration } from "../model/calibration_map.ts";
import { probabilityOf } from "../model/predictor.ts";
import type { ModelReport, TraceStep } from "./model_report.ts";
import { chooseBins, type NumberBins } from "./number_bins.ts";
import { numberValues } from "./number_values.ts";
import { periodsOf } from "./period_parts.ts";
import { modelParts } from "./model_parts.ts";
import { type RowDivider, rowDivider, strongestOf } from "./row_division.ts";
import type { SampledRow } from "./sampled_rows.ts";
import { sumsByThreads, type UseRows } from "./shared_sums.ts";
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
  /** Probabilities of the model, if they have been computed. */
  readonly known?: RowProbabilities;
  /** Of the training, which are idle. */
  readonly threads: Threads;
  /** Of the chunks of the design. */
  readonly budget: MemoryBudget | undefined;
}

/** Rows that are evaluated at most, and from which on blocks of groups are resampled: the report then takes a bounded time. */
const evaluatedMax = 100_000;
const blocksFrom = 10_000;

/**
 * Collects what the report of a trained model draws, in a few passes over the rows. The result depends on the rows and the model alone.
 */
export async function reportOfTraining(parts: TrainedParts): Promise<TrainingReport> {
  const { design, encoder, metadata, baseRate, sampled, trace, progressive, threads } = parts;
  const plans = curvePlansOf(encoder);
  const numberPlans = plans.filter((plan) => plan.kind === "numbers");
  const values = numberValues(encoder, numberPlans, sampled);
  const bins = numberPlans.map((plan, i) => chooseBins(plan, values[i]));
  // Held-out rows of one label are not enough to evaluate on.
  const { rows, clicks } = metadata.data;
  const isHeldOut = !progressive && clicks.test > 0 && clicks.test < rows.test;
  const evaluatedParts = isHeldOut ? [testPart] : progressive ? [trainPart] : [trainPart, leftOutPart];
  const strongest = strongestOf(sampled, encoder);
  const divider = strongest === undefined ? undefined : rowDivider(design, encoder, bins, strongest);
  const coefficients = Float64Array.from(metadata.coefficients.concat(metadata.intercept));
  const collected = await collectRows(design, {
    ...{ bins, divider, threads },
    coefficients,
    known: progressive ?? await knownOf(parts, evaluatedParts, coefficients),
    rowsMax: evaluatedMax,
  });
  const { sums: evaluated, scored, rowCount, codes } = collected;
  const train = isHeldOut
    ? await sumsByThreads({ design, parts: [trainPart, leftOutPart], bins, coefficients }, threads)
    : evaluated;
  const evaluation: Evaluation = evaluate(scored, {
    ...defaultResampling,
    baseRate,
    fields: divider ? [{ name: divider.name, levels: divider.levels, codes }] : [],
    blocksFrom,
  });
  const isOfSameRows = isHeldOut || (!progressive && rows.test === 0);
  const periods = isOfSameRows ? periodsOf(metadata.metrics.by_time) : undefined;
  return {
    version: 1,
    program: metadata.program,
    rows: progressive ? "new" : isHeldOut ? "held-out" : "training",
    evaluation: periods ? { ...evaluation, by_time: periods } : evaluation,
    ...(scored.labels.length < rowCount ? { sampled_from: rowCount } : {}),
    ...modelParts(metadata, { encoder, plans, bins, values, train, evaluated, sampled }),
    ...(parts.axes ? curvesAndTables(parts, parts.axes, isHeldOut) : {}),
    trace,
  };
}

function curvesAndTables(
  { design, encoder, metadata }: TrainedParts,
  axes: FoundRows["axes"],
  isHeldOut: boolean,
) {
  const { coefficients, intercept, calibration, draws } = metadata;
  const calibrated = servedCalibration(calibration);
  return foundParts({ encoder, coefficients, intercept, draws }, {
    design,
    axes,
    trainParts: [trainPart],
    evaluatedParts: isHeldOut ? [testPart] : [trainPart, leftOutPart],
    probabilityOf: (logit) => probabilityOf(calibrated ? calibrated(logit) : logit),
  });
}

interface RowInputs {
  readonly bins: readonly NumberBins[];
  readonly divider: RowDivider | undefined;
  /** Shape (columns + 1), intercept last. */
  readonly coefficients: Float64Array;
  readonly known: RowProbabilities;
  readonly threads: Threads;
  readonly rowsMax: number;
}

/** Rows that were evaluated, and the sums over all rows. */
interface CollectedRows {
  /** Number of all rows. */
  readonly rowCount: number;
  readonly sums: ColumnSums;
  readonly scored: ScoredRows;
  /** Level of the strongest field, shape (evaluated rows). */
  readonly codes: Int32Array;
}

/** Returns the model's probabilities of some parts, which are computed only if they are not known. */
async function knownOf(
  { design, metadata, known, threads, budget }: TrainedParts,
  parts: readonly number[],
  coefficients: Float64Array,
): Promise<RowProbabilities> {
  if (known && String(known.parts) === String(parts)) return known;
  const { network, calibration } = metadata;
  return await probabilitiesOf(design, parts, { coefficients, network, calibration }, { threads, budget });
}

/** Collects the rows whose probabilities are known, and keeps those of some groups if there are many. */
async function collectRows(
  design: DesignMatrix,
  { rowsMax, ...inputs }: RowInputs,
): Promise<CollectedRows> {
  const { bins, divider, coefficients, known, threads } = inputs;
  const { rowCount } = known;
  const isKept = createGroupSample(rowsMax / rowCount);
  const probabilities = new Float64Array(rowCount);
  const labels = new Uint8Array(rowCount);
  const groups = new Uint32Array(rowCount);
  const codes = new Int32Array(rowCount);
  let weights: Float64Array | undefined;
  let count = 0;
  const addRows: UseRows = (chunk, from, to, own) => {
    if (!own) throw new Error("the probabilities are not known");
    if (chunk.weights) weights ??= new Float64Array(rowCount);
    for (let row = from; row < to; row++) {
      const group = groupOf(chunk, row);
      if (!isKept(group)) continue;
      probabilities[count] = own[row - from];
      labels[count] = chunk.labels[row];
      groups[count] = group;
      if (weights && chunk.weights) weights[count] = chunk.weights[row];
      if (divider) codes[count] = divider.codeOf(chunk, row);
      count++;
    }
  };
  const rows = { design, parts: known.parts, bins, coefficients, known };
  const sums = await sumsByThreads(rows, threads, addRows);
  const ones = labels.subarray(0, count).reduce((sum, label) => sum + label, 0);
  if (count < rowCount && (ones === 0 || ones === count)) {
    // A few groups have all rows of a label.
    return await collectRows(design, { ...inputs, rowsMax: Infinity });
  }
  return {
    rowCount,
    sums,
    codes: codes.subarray(0, count),
    scored: {
      probabilities: probabilities.subarray(0, count),
      labels: labels.subarray(0, count),
      groups: groups.subarray(0, count),
      ...(weights ? { weights: weights.subarray(0, count) } : {}),
    },
  };
}

function groupOf({ groups }: DesignChunk, row: number): number {
  if (!groups) throw new Error("the design keeps no groups");
  return groups[row];
}

/** Returns which groups are in a sample of about a share of them. */
function createGroupSample(share: number): (group: number) => boolean {
  if (share >= 1) return () => true;
  const below = share * 2 ** 32;
  return (group) => mixed(group ^ 0x1f83d9ab) < below;
}
