import type { Artifact } from "../model/artifact.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import type { RowAccount } from "../examples/row_account.ts";
import { type FeatureSpec, parseSpec } from "../examples/spec.ts";
import { Failure, usageInvalid } from "../failure.ts";
import { unpackPrecision } from "../model/packed_precision.ts";
import type { Prior } from "../fit/penalised.ts";
import { precisionColumnsMax } from "../fit/precision.ts";

/** The starting point of an update. */
export interface Continuation {
  readonly spec: FeatureSpec;
  /** The greatest id of the rows that the model was trained on. */
  readonly after: bigint;
  readonly prior: Prior;
}

/** @throws {Failure} `usage-invalid` for a model that cannot be continued; the message has the reason. */
export function continuationOf({ id, metadata }: Artifact): Continuation {
  const { coefficients, intercept, precision, data } = metadata;
  const size = coefficients.length + 1;
  const unpacked = precision === undefined ? undefined : unpackPrecision(precision, size);
  if (!unpacked || data.last_id === undefined) {
    throw usageInvalid(`${id} cannot be continued: ${whyNot(metadata)}`);
  }
  if (metadata.covariance !== undefined) {
    throw usageInvalid(
      `${id} cannot be continued: its robust intervals are of groups whose rows it no longer has. ` +
        "Train on all rows with clickwell train, or once without --intervals robust.",
    );
  }
  if (metadata.calibration?.method === "isotonic") {
    throw usageInvalid(
      `${id} cannot be continued: its isotonic calibration is of its own log-odds, and new rows would change those. ` +
        "Train on all rows with clickwell train, or once with --calibrate platt, which is part of the weights.",
    );
  }
  if (metadata.hyperParameters.matureSeconds !== undefined) {
    throw usageInvalid(
      `${id} cannot be continued: it was trained with --mature, so rows that were too young then have an id that it has passed. ` +
        "Train on all rows with clickwell train.",
    );
  }
  const prior: Prior = { mean: Float64Array.of(...coefficients, intercept), precision: unpacked };
  return { spec: parseSpec(metadata.spec, `of ${id}`), after: BigInt(data.last_id), prior };
}

/** Explains why a model cannot be continued, and what to do instead. */
function whyNot({ precision, hyperParameters, spec, coefficients, solver }: ArtifactMetadata): string {
  const { penalty, classWeight, optimizer } = hyperParameters;
  if (precision !== undefined) {
    return `its ids (${spec.id}) are not integers, so the rows that are new since its training are not known. ` +
      "Train on all rows with clickwell train; or give the view an INTEGER id that increases with each row, and train on it once.";
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
  return `${keepsNone} it has ${coefficients.length} columns, more than the maximum of ${precisionColumnsMax}. ` +
    "Use fewer levels (minCount or hash in the feature spec), or train on all rows.";
}

/** Returns the failure of an update without new rows to train on. */
export function nothingNew(
  modelId: string,
  { id, label, weight }: FeatureSpec,
  after: bigint,
  { read, noLabel, zeroWeight }: RowAccount,
): Failure {
  const rows = read === 0
    ? `There are no rows after ${id} ${after}`
    : `None of the ${read} rows after ${id} ${after} can be used for training (${noLabel} have no ${label}` +
      `${weight === undefined ? "" : `, ${zeroWeight} have ${weight} 0`})`;
  return new Failure(
    "examples-invalid",
    `${rows}, the last id that ${modelId} was trained on: load new rows with clickwell ingest.`,
  );
}

type Rows = ArtifactMetadata["data"]["rows"];

/** Adds the new rows to the counts. Models of 0.1.0 have no count of rows read; it stays absent. */
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

/** Notes on rows that only a training on all rows would use. */
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
