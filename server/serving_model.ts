import { type Artifact, readArtifact } from "../pipeline/model/artifact.ts";
import { Failure } from "../pipeline/failure.ts";
import {
  clearFindings,
  createFindings,
  createPredictor,
  type Predictor,
} from "../pipeline/model/predictor.ts";
import { createTally, type Tally } from "./tally.ts";
import type { Assignment, ModelRow } from "../pipeline/model/registry.ts";

/** A model that was read, proven whole and warmed up. */
export interface LoadedModel {
  readonly modelId: string;
  readonly version: number;
  readonly predictor: Predictor;
  /** What the model has answered. */
  readonly tally: Tally;
  /** A row of raw fields that the model can be tried with; undefined where the artifact has none. */
  readonly example: Readonly<Record<string, unknown>> | undefined;
}

/** A model in memory that answers. Nothing in it changes: a swap replaces the reference to it. */
export interface ServingModel extends LoadedModel {
  readonly assignment: Assignment;
}

/** The one place that says which model answers. Whoever answers a request reads it once. */
export interface ModelSlot {
  current: ServingModel | undefined;
  /** Why there is none. */
  absence: Failure;
}

/** Predictions that a model makes before it answers, so that its first requests find compiled code. */
const warmUpCount = 2_000;

export function emptySlot(): ModelSlot {
  return {
    current: undefined,
    absence: new Failure(
      "model-missing",
      "No model is in production. Train one with clickwell train, or assign one with POST /model.",
    ),
  };
}

/**
 * Reads a registered model from its files.
 *
 * @throws {Failure} `model-unknown` where there are none, `artifact-corrupt` where they are not what was registered.
 */
export function loadModel(modelsDir: string, row: ModelRow): LoadedModel {
  const artifact = readArtifact(modelsDir, row.modelId);
  if (artifact.checksum !== row.checksum) {
    throw new Failure(
      "artifact-corrupt",
      `The model ${row.modelId} cannot be used: its files are not those that were registered. Train it again.`,
    );
  }
  const predictor = createPredictor(artifact.metadata);
  warmUp(predictor, artifact.metadata.golden);
  return {
    modelId: row.modelId,
    version: row.version,
    predictor,
    tally: createTally(predictor),
    example: artifact.metadata.golden.at(0)?.features,
  };
}

function warmUp(predictor: Predictor, golden: Artifact["metadata"]["golden"]): void {
  if (golden.length === 0) return;
  const findings = createFindings();
  for (let i = 0; i < warmUpCount; i++) {
    predictor.predict(golden[i % golden.length].features, findings);
    clearFindings(findings);
  }
}
