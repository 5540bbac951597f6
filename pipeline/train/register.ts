import type { Evaluation } from "../evaluate/evaluation.ts";
import type { RowAccount } from "../examples/row_account.ts";
import { Failure } from "../failure.ts";
import { type Artifact, type ArtifactStore, makeArtifact } from "../model/artifact.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import type { Assignment, ModelRow, Models } from "../model/registry.ts";
import { formatReport, reportName } from "../report/report_file.ts";
import type { TrainingReport } from "../report/training_report.ts";
import type { FeatureEffect } from "./feature_effects.ts";
import type { FeatureSearch } from "./found/find_features.ts";
import type { Seconds } from "./stage_clock.ts";

export interface RegisterOptions {
  /**
   * Whether to put the model in production, where the first model of a registry is put in any case. Default: if its fields
   * are others than those of the model there.
   */
  readonly activate?: boolean;
  /** Microseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  readonly signal?: AbortSignal;
}

export interface TrainReport {
  readonly model: ModelRow;
  readonly artifact: Artifact;
  /** Counts of the rows that were read, by what was done with them. */
  readonly account: RowAccount;
  /** Whether the model is in production now. */
  readonly active: boolean;
  /** The assignment that is in effect now: of this model, or of an earlier one. */
  readonly production: Assignment;
  /** How much each feature moves the predictions; absent where that is not known. */
  readonly effects?: readonly FeatureEffect[];
  /** Present if curves and tables were found, or searched for. */
  readonly search?: FeatureSearch;
  /** The evaluation that the report begins with; absent without a report. */
  readonly evaluation?: Evaluation;
  readonly seconds: Seconds;
}

/** The result of training, not yet written or registered. */
export interface TrainedModel {
  readonly metadata: ArtifactMetadata;
  /** Absent for a model that continues another one with rows of one label. */
  readonly report?: TrainingReport;
  readonly account: RowAccount;
  /** Absent for a model with hidden layers, where features act together, and for one that continues another. */
  readonly effects?: readonly FeatureEffect[];
  readonly search?: FeatureSearch;
  readonly seconds: Seconds;
}

/**
 * Writes a trained model's files, registers the model and, if asked for, puts it in production.
 *
 * @throws {Failure} `interrupted`, `file-unwritable`, `artifacts-unavailable`, `store-busy`, `store-full`.
 */
export async function register(
  models: Models,
  { metadata, report, account, effects, search, seconds }: TrainedModel,
  options: RegisterOptions,
): Promise<TrainReport> {
  options.signal?.throwIfAborted();
  const artifact = makeArtifact(metadata);
  await models.artifacts.write(
    artifact,
    report ? { [reportName]: formatReport({ ...report, model_id: artifact.id }) } : {},
  );
  const model = await models.registry.registerModel(artifact, options.now);
  const production = await activate(models, artifact, options);
  const active = production.modelId === model.modelId;
  return {
    model,
    artifact,
    account,
    active,
    production,
    ...(effects ? { effects } : {}),
    ...(search ? { search } : {}),
    ...(report ? { evaluation: report.evaluation } : {}),
    seconds,
  };
}

/** The reason in the history of a model that was put in production because of its fields. */
export const otherFieldsReason = "its fields are others than those of the model before";

/** Puts the model in production if it belongs there. @returns The assignment that is in effect now. */
async function activate(
  { artifacts, registry }: Models,
  { id: modelId, metadata }: Artifact,
  options: Pick<RegisterOptions, "activate" | "now">,
): Promise<Assignment> {
  const current = await registry.activeModel();
  if (current?.modelId === modelId) return current;
  const reason = current === undefined
    ? "the first model"
    : options.activate
    ? "trained with --activate"
    : options.activate === undefined && await hasOtherFields(metadata, artifacts, current.modelId)
    ? otherFieldsReason
    : undefined;
  if (current !== undefined && reason === undefined) return current;
  const assigned = { modelId, assignedAt: options.now, assignedBy: "clickwell train" };
  return await registry.assign({ ...assigned, ...(reason === undefined ? {} : { reason }) });
}

/** Returns false if the files of the model in production are missing or damaged, too: what it needs is then unknown. */
async function hasOtherFields(
  { encoder }: ArtifactMetadata,
  artifacts: ArtifactStore,
  activeId: string,
): Promise<boolean> {
  const namesOf = ({ features }: Pick<ArtifactMetadata["encoder"], "features">) =>
    JSON.stringify(features.map(({ name }) => name).sort());
  try {
    return namesOf(encoder) !== namesOf((await artifacts.read(activeId)).metadata.encoder);
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
