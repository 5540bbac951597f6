import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";
import { type ExampleKeys, exampleKeysOf } from "../../pipeline/examples/example_keys.ts";
import { Failure } from "../../pipeline/failure.ts";
import { clearFindings, createFindings } from "../../pipeline/model/findings.ts";
import { createPredictor, type Field, type Predictor } from "../../pipeline/model/predictor.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import { createRowExplainer, type RowExplainer } from "./row_explainer.ts";
import {
  type CountersByVersion,
  createCountersByVersion,
  type PredictionCounters,
} from "../metrics/prediction_counters.ts";
import { replacement } from "../http/utf8.ts";

/** Which model it is, to the last bit. */
export interface ModelName {
  readonly modelId: string;
  readonly version: number;
  readonly checksum: string;
}

/** A registered model's content, as it was read and proven whole; it can be copied to another thread. */
export interface ModelContent extends ModelName {
  readonly metadata: ArtifactMetadata;
}

/** A model that was proven whole and warmed up. */
export interface LoadedModel extends ModelContent {
  readonly predictor: Predictor;
  /** What more there is to say of a row than its probability. */
  readonly explainer: RowExplainer;
  /** How its examples are found in the store; undefined where its spec does not say. */
  readonly keys: ExampleKeys | undefined;
  /** What the model has answered. */
  readonly counters: PredictionCounters;
  /** Its id and version as members of a JSON object: every answer has them. */
  readonly idMembersJson: string;
  /** Whether a text that stands for a level of the model can stand for no other: see `scoreOrdinary` of score.ts. */
  readonly hasExactLevels: boolean;
  /** A row of raw fields that the model can be tried with; undefined where the artifact has none. */
  readonly example: Readonly<Record<string, unknown>> | undefined;
}

/** A model in memory that answers. Nothing in it changes: a swap replaces the reference to it. */
export interface ServingModel extends LoadedModel {
  readonly assignment: Assignment;
}

/** The one place that says which model answers. Whoever answers a request reads it once: it may change at any moment. */
export interface ModelSlot {
  current: ServingModel | undefined;
  /** Why there is none. */
  unavailableReason: Failure;
  /** What this thread's models have answered. */
  readonly counters: CountersByVersion;
}

/** Predictions that a model makes before it answers, so that its first requests find compiled code. */
const warmUpCount = 2_000;

export function createModelSlot(): ModelSlot {
  return {
    current: undefined,
    unavailableReason: noModelAssigned(),
    counters: createCountersByVersion(),
  };
}

/** Why there is no model where the store can be read, and names none. */
export function noModelAssigned(): Failure {
  return new Failure(
    "model-missing",
    "No model is in production. Train one with clickwell train, or assign one with POST /model.",
  );
}

/** Levels that are hashed are not known, and of an older model it is not known which numbers they were. */
function isExact({ name, type, levels, values }: Field): boolean {
  if (name.includes(replacement)) return false;
  if (type === "numeric") return true;
  return values !== undefined && levels !== undefined && levels.length > 0 &&
    !levels.some((level) => level.includes(replacement));
}

/**
 * Makes a model ready to answer in this thread: proves that it gives its golden examples their probabilities here, and
 * warms it up.
 *
 * @param tallies Of the thread's {@link ModelSlot}.
 * @throws {Failure} `artifact-corrupt`
 */
export function loadModel(content: ModelContent, tallies: CountersByVersion): LoadedModel {
  const keys = exampleKeysOf(content.metadata.spec);
  const predictor = createPredictor({
    ...content.metadata,
    ...(keys ? { keys: [keys.id, keys.group] } : {}),
  });
  verifyGolden(predictor, content);
  return {
    ...content,
    predictor,
    explainer: createRowExplainer(content.metadata),
    keys,
    counters: tallies.forModel(content.version, predictor),
    // A model id has no character that JSON would escape.
    idMembersJson: `"model_id":"${content.modelId}","version":${content.version}`,
    hasExactLevels: predictor.fields.every(isExact),
    example: content.metadata.golden.at(0)?.features,
  };
}

function verifyGolden(predictor: Predictor, { modelId, metadata: { golden } }: ModelContent): void {
  if (golden.length === 0) return;
  const findings = createFindings();
  for (let i = 0; i < warmUpCount; i++) {
    const { features, probability } = golden[i % golden.length];
    const found = predictor.predict(features, findings);
    clearFindings(findings);
    if (found === probability) continue;
    throw new Failure(
      "artifact-corrupt",
      `The model ${modelId} cannot be used: a golden example gives ${found} where the training gave ${probability}.`,
    );
  }
}
