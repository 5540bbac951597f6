import type { Division } from "../evaluate/divisions.ts";
import { evaluate, type Evaluation } from "../evaluate/evaluation.ts";
import { divideByTime } from "../evaluate/period_division.ts";
import type { ResampleOptions } from "../evaluate/resampling.ts";
import { parseSpec } from "../examples/spec.ts";
import { requireTime } from "../examples/time_split.ts";
import { Failure } from "../failure.ts";
import { type ArtifactMetadata, baseRateOf } from "../model/artifact_metadata.ts";
import type { ReadRows } from "./collected_rows.ts";
import type { EvaluatedValues } from "../report/recounted_curves.ts";
import { type EvaluationInput, scoreRows, type ScoreRowsOptions } from "./score_rows.ts";

/** A model by its id. */
export interface NamedModel {
  readonly id: string;
  readonly metadata: ArtifactMetadata;
}

export interface EvaluateRowsOptions
  extends ResampleOptions, Omit<ScoreRowsOptions, "metadata" | "spec" | "scoresOnly"> {
  /** Another model, to be compared on the same rows. */
  readonly against?: NamedModel | undefined;
  /** Also evaluates each period of time. */
  readonly byTime: boolean;
  readonly thresholds: readonly number[];
}

export interface EvaluatedRows extends Pick<ReadRows, "unlabelled" | "newer" | "hasGroups"> {
  readonly evaluation: Evaluation;
  /** All rows that were read, with the values of their fields. */
  readonly values: EvaluatedValues;
  /** Rows that a model cannot answer, and reasons with their counts: of each row the first. */
  readonly rejected: number;
  readonly reasons: Readonly<Record<string, number>>;
}

/**
 * Evaluates a model on rows with labels.
 *
 * @throws {Failure} as `scoreRows`; `examples-invalid` unless the rows have both labels; `usage-invalid` for periods if the spec names
 *   no time; `store-busy` if the rows change while they are read for a second model.
 */
export async function evaluateRows(
  input: EvaluationInput,
  { id, metadata }: NamedModel,
  options: EvaluateRowsOptions,
): Promise<EvaluatedRows> {
  const { against, byTime, thresholds, resamples, seed } = options;
  const spec = parseSpec(metadata.spec, `of ${id}`);
  if (byTime) requireTime(spec, "--by-time");
  const rows = await scoreRows(input, { ...options, metadata, spec });
  const others = against && await scoreRows(input, {
    ...options,
    metadata: against.metadata,
    spec,
    slices: [],
    scoresOnly: true,
  });
  if (others && others.checksum !== rows.checksum) {
    throw new Failure(
      "store-busy",
      "The rows changed while they were read. Evaluate when nothing is being loaded.",
    );
  }
  const isAnswered = (i: number) =>
    rows.probabilities[i] === rows.probabilities[i] &&
    (others === undefined || others.probabilities[i] === others.probabilities[i]);
  const { answered, divide } = answeredRows(rows, isAnswered);
  requireBothLabels(answered.labels, rows, spec.label);
  const evaluation = evaluate(answered, {
    resamples,
    seed,
    baseRate: baseRateOf(metadata),
    fields: rows.fields.map((values) => divide(values.division())),
    slices: rows.slices.map((values) => divide(values.division())),
    periods: byTime ? periodsOf(spec.time ?? "", answered.times) : undefined,
    thresholds,
    against: against && others && {
      modelId: against.id,
      probabilities: others.probabilities.filter((_, i) => isAnswered(i)),
    },
  });
  return {
    evaluation,
    values: { ...rows, isAnswered },
    unlabelled: rows.unlabelled,
    newer: rows.newer,
    hasGroups: rows.hasGroups,
    rejected: rows.labels.length - answered.labels.length,
    reasons: { ...others?.rejected, ...rows.rejected },
  };
}

/** Returns the rows that were answered, and a function that divides them as all rows are divided. */
function answeredRows(rows: ReadRows, isAnswered: (row: number) => boolean) {
  if (rows.labels.every((_, i) => isAnswered(i))) {
    return { answered: rows, divide: (division: Division): Division => division };
  }
  const isOwn = (_: number, i: number) => isAnswered(i);
  const answered = {
    probabilities: rows.probabilities.filter(isOwn),
    labels: rows.labels.filter(isOwn),
    groups: rows.groups.filter(isOwn),
    ...(rows.weights ? { weights: rows.weights.filter(isOwn) } : {}),
    times: rows.times.filter(isOwn),
  };
  const divide = (division: Division): Division => ({ ...division, codes: division.codes.filter(isOwn) });
  return { answered, divide };
}

function periodsOf(name: string, times: Float64Array) {
  const periods = divideByTime(name, times);
  if (periods) return periods;
  throw new Failure(
    "examples-invalid",
    `Cannot evaluate by time: the ${name} of ${times.length} rows is missing, or in fewer than 4 hours. Leave --by-time out.`,
  );
}

function requireBothLabels(labels: Uint8Array, { unlabelled }: ReadRows, label: string): void {
  const clicks = labels.reduce((sum, value) => sum + value, 0);
  if (clicks > 0 && clicks < labels.length) return;
  const without = unlabelled > 0 ? `; ${unlabelled.toLocaleString("en")} have no ${label}` : "";
  throw new Failure(
    "examples-invalid",
    `Cannot evaluate on ${labels.length.toLocaleString("en")} rows with a label, of which ${
      clicks.toLocaleString("en")
    } have ${label} 1${without}: rows of both labels are needed.`,
  );
}
