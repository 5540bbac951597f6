import type { DesignChunk, DesignMatrix } from "../encode/design_matrix.ts";
import type { Encoder } from "../encode/encoder.ts";
import { defaultResampling, evaluate, type Evaluation, type ScoredRows } from "../evaluate/evaluation.ts";
import { forKnownProbabilities, type RowProbabilities } from "../fit/row_probabilities.ts";
import { mixed } from "../math/hash.ts";
import type { Metrics } from "../model/artifact_metadata.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import type { ColumnSums } from "./column_sums.ts";
import { type CurvePlan, curvePlansOf } from "./curve_plans.ts";
import { chooseBins, type NumberBins } from "./number_bins.ts";
import { numberValues } from "./number_values.ts";
import { type RowDivider, rowDivider, strongestOf } from "./row_division.ts";
import type { SampledRow } from "./sampled_rows.ts";
import { sumsByThreads } from "./shared_sums.ts";

/** Rows of a training with the probabilities of its model. */
export interface KnownRows {
  /** With the hashes of groups. */
  readonly design: DesignMatrix;
  readonly encoder: Encoder;
  /** Shape (columns) or longer. */
  readonly coefficients: Float64Array;
  /** Of the rows that are evaluated. */
  readonly known: RowProbabilities;
  /** Parts of the training rows, if others are evaluated. */
  readonly trainParts?: readonly number[];
  /** Weighted click rate of the training rows. */
  readonly baseRate: number;
  /** Some of the evaluated rows. */
  readonly sampled: readonly SampledRow[];
  /** Of the training, which are idle. */
  readonly threads: Threads;
}

/** What a report draws of the rows. */
export interface EvaluatedKnownRows {
  /** Number of the rows that could be evaluated; the evaluation has its own. */
  readonly rowCount: number;
  readonly evaluation: Evaluation;
  readonly plans: readonly CurvePlan[];
  /** Of the plans over numbers, in their order; and some values of their columns. */
  readonly bins: readonly NumberBins[];
  readonly values: readonly Float64Array[];
  readonly evaluated: ColumnSums;
  readonly train: ColumnSums;
  /** Of all rows that could be evaluated, as a model keeps them; present if they were asked for. */
  readonly metrics: Metrics | undefined;
}

/** Rows that are evaluated at most, and from which on blocks of groups are resampled: the report then takes a bounded time. */
const evaluatedMax = 100_000;
const blocksFrom = 10_000;

/**
 * Evaluates rows and sums them up in a few passes, which the threads share. The result depends on the rows and the model alone.
 *
 * @param withMetrics Whether the metrics of the model are computed, too.
 */
export async function evaluateKnownRows(rows: KnownRows, withMetrics = false): Promise<EvaluatedKnownRows> {
  const { design, encoder, coefficients, known, trainParts, baseRate, sampled, threads } = rows;
  const plans = curvePlansOf(encoder);
  const numberPlans = plans.filter((plan) => plan.kind === "numbers");
  const values = numberValues(encoder, numberPlans, sampled);
  const bins = numberPlans.map((plan, i) => chooseBins(plan, values[i]));
  let evaluation: Evaluation | undefined;
  const summed = {
    ...{ design, bins, coefficients, known },
    ...trainParts ? { others: trainParts } : {},
    ...withMetrics ? { baseRate } : {},
  };
  const { evaluated, others: train = evaluated, metrics } = await sumsByThreads(summed, threads, () => {
    const strongest = strongestOf(sampled, encoder);
    const divider = strongest === undefined ? undefined : rowDivider(design, encoder, bins, strongest);
    const { scored, codes } = collectRows(design, known, divider);
    evaluation = evaluate(scored, {
      ...defaultResampling,
      baseRate,
      fields: divider ? [{ name: divider.name, levels: divider.levels, codes }] : [],
      blocksFrom,
    });
  });
  if (!evaluation) throw new Error("the rows were not evaluated");
  return { rowCount: known.rowCount, evaluation, plans, bins, values, evaluated, train, metrics };
}

/** Rows to be evaluated. */
interface CollectedRows {
  readonly scored: ScoredRows;
  /** Level of the strongest field, shape (evaluated rows). */
  readonly codes: Int32Array;
}

/** Collects the rows whose probabilities are known: those of some groups if there are many. */
function collectRows(
  design: DesignMatrix,
  known: RowProbabilities,
  divider: RowDivider | undefined,
  rowsMax = evaluatedMax,
): CollectedRows {
  const { rowCount } = known;
  const isKept = createGroupSample(rowsMax / rowCount);
  const probabilities = new Float64Array(rowCount);
  const labels = new Uint8Array(rowCount);
  const groups = new Uint32Array(rowCount);
  const codes = new Int32Array(rowCount);
  let weights: Float64Array | undefined;
  let count = 0;
  forKnownProbabilities(design, known, (chunk, from, to, own) => {
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
  });
  const ones = labels.subarray(0, count).reduce((sum, label) => sum + label, 0);
  // A few groups may have all rows of a label.
  if (count < rowCount && (ones === 0 || ones === count)) {
    return collectRows(design, known, divider, Infinity);
  }
  return {
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
