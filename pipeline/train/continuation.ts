import type { Artifact } from "../model/artifact.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import type { RowAccount } from "../examples/row_account.ts";
import { type FeatureSpec, parseSpec } from "../examples/spec.ts";
import { Failure } from "../failure.ts";
import { unpackPrecision } from "../model/packed_precision.ts";
import type { Prior } from "../fit/penalised.ts";
import { precisionColumnsMax } from "../fit/precision.ts";

/** What a model is continued from. */
export interface Continuation {
  readonly spec: FeatureSpec;
  /** The greatest id that it has seen. */
  readonly after: bigint;
  readonly prior: Prior;
}

/** @throws {Failure} `usage-invalid` for a model that cannot be continued, with the reason. */
export function continuationOf({ id, metadata }: Artifact): Continuation {
  const { coefficients, intercept, precision, data } = metadata;
  const size = coefficients.length + 1;
  const unpacked = precision === undefined ? undefined : unpackPrecision(precision, size);
  if (!unpacked || data.last_id === undefined) {
    throw new Failure("usage-invalid", `${id} cannot be continued: ${whyNot(metadata)}`);
  }
  const prior: Prior = { mean: Float64Array.of(...coefficients, intercept), precision: unpacked };
  return { spec: parseSpec(metadata.spec, `of ${id}`), after: BigInt(data.last_id), prior };
}

/** Why a model cannot be continued, and what to do. */
function whyNot({ precision, hyperParameters, spec, coefficients, solver }: ArtifactMetadata): string {
  const { penalty, classWeight, optimizer } = hyperParameters;
  if (precision !== undefined) {
    return `its ids (${spec.id}) are not integers, so that nothing says which rows came after it was trained. ` +
      "Train on all rows with clickwell train; or give the view an INTEGER id that is greater for each later row, and train on it once.";
  }
  const keepsNone = "it keeps no precision of its coefficients, because";
  if (optimizer !== undefined) {
    return `${keepsNone} it was trained by mini-batches (${optimizer}). Train on all rows.`;
  }
  if (classWeight === "balanced") {
    return `${keepsNone} it was trained with --class-weight balanced. Train once without it, or on all rows.`;
  }
  if (penalty === "l1" || penalty === "elasticnet") {
    return `${keepsNone} it was trained with --penalty ${penalty}. Train once with --penalty l2 or none, or on all rows.`;
  }
  if (coefficients.length <= precisionColumnsMax) {
    return `${keepsNone} it was fitted by ${solver.name}. Train once with --solver newton, or on all rows.`;
  }
  return `${keepsNone} it has ${coefficients.length} columns, and ${precisionColumnsMax} are the most. ` +
    "Use fewer levels (minCount or hash in the feature spec), or train on all rows.";
}

/** The failure of an update without a row to learn. */
export function nothingNew(
  modelId: string,
  { id, label, weight }: FeatureSpec,
  after: bigint,
  { read, noLabel, zeroWeight }: RowAccount,
): Failure {
  const rows = read === 0
    ? `There are no rows after ${id} ${after}`
    : `None of the ${read} rows after ${id} ${after} can be learnt from (${noLabel} have no ${label}` +
      `${weight === undefined ? "" : `, ${zeroWeight} have the ${weight} 0`})`;
  return new Failure(
    "examples-invalid",
    `${rows}, the last that ${modelId} has seen: load some with clickwell ingest.`,
  );
}

type Rows = ArtifactMetadata["data"]["rows"];

/** Rows of all trainings. A model of 0.1.0 did not say what it had read: then it stays unknown. */
export function withNewRows(before: Rows, used: number, { read, noLabel, zeroWeight }: RowAccount): Rows {
  const rows = { ...before, train: before.train + used };
  if (before.read === undefined) return rows;
  return {
    ...rows,
    read: before.read + read,
    no_label: (before.no_label ?? 0) + noLabel,
    zero_weight: (before.zero_weight ?? 0) + zeroWeight,
  };
}

/** Rows that only a training on all rows would learn, in words. */
export function updateNotes({ id, metadata: { data, spec } }: Artifact, { known }: RowAccount): string[] {
  const { read, no_label: noLabel = 0 } = data.rows;
  const late = read === undefined || known === undefined ? 0 : known - read;
  return [
    ...(late > 0
      ? [
        `${late} row(s) up to ${spec.id} ${data.last_id} came after ${id} was trained: they are not learnt.`,
      ]
      : []),
    ...(noLabel > 0
      ? [
        `${noLabel} row(s) had no ${spec.label} when ${id} was trained: labels that they have got since are not learnt.`,
      ]
      : []),
  ];
}
