import type { ArtifactMetadata } from "../../pipeline/model/artifact_metadata.ts";
import { type ExampleKeys, exampleKeysOf } from "../../pipeline/examples/example_keys.ts";
import { jsonText } from "../../pipeline/exact_json.ts";
import { Failure } from "../../pipeline/failure.ts";
import { clearFindings, createFindings } from "../../pipeline/model/findings.ts";
import { createPredictor, type Predictor } from "../../pipeline/model/predictor.ts";
import { createTextPredictor, type TextPredictor } from "../../pipeline/model/text_predictor.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import { createRowExplainer, type RowExplainer } from "./row_explainer.ts";
import {
  type CountersByVersion,
  createCountersByVersion,
  type PredictionCounters,
} from "../metrics/prediction_counters.ts";

/** Identifies a model and its exact content. */
export interface ModelName {
  readonly modelId: string;
  readonly version: number;
  readonly checksum: string;
}

/** The verified content of a registered model. It can be posted to another thread. */
export interface ModelContent extends ModelName {
  readonly metadata: ArtifactMetadata;
}

/** A model that is verified, warmed up and ready to answer. */
export interface LoadedModel extends ModelContent {
  readonly predictor: Predictor;
  /** Undefined for a model that cannot score a row's text. */
  readonly predictText: TextPredictor | undefined;
  /** Explanations and intervals of rows. */
  readonly explainer: RowExplainer;
  /** The keys by which its examples are looked up in the store; undefined if its spec has none. */
  readonly keys: ExampleKeys | undefined;
  /** Counts of its predictions. */
  readonly counters: PredictionCounters;
  /** Its id and version as members of a JSON object, which every answer contains. */
  readonly idMembersJson: string;
  /** An example row of raw fields; undefined if the artifact has none. */
  readonly example: Readonly<Record<string, unknown>> | undefined;
}

/** The model that answers. Immutable: a swap replaces the reference to it. */
export interface ServingModel extends LoadedModel {
  readonly assignment: Assignment;
}

/** Holds the active model. A request reads `current` once, since it may change at any moment. */
export interface ModelSlot {
  current: ServingModel | undefined;
  /** Why `current` is undefined. */
  unavailableReason: Failure;
  /** Counts of this thread's predictions, by model. */
  readonly counters: CountersByVersion;
}

/** Predictions made before a model answers, so that its first requests run compiled code. */
const warmUpCount = 2_000;

export function createModelSlot(): ModelSlot {
  return { current: undefined, unavailableReason: noModelAssigned(), counters: createCountersByVersion() };
}

/** @throws {Failure} `model-missing`, or why the active model cannot be used. */
export function activeModel({ current, unavailableReason }: ModelSlot): ServingModel {
  if (!current) throw unavailableReason;
  return current;
}

/** Returns the reason if the store is readable and has no assignment. */
export function noModelAssigned(): Failure {
  return new Failure(
    "model-missing",
    "No model is in production. Train one with clickwell train, or assign one with POST /model.",
  );
}

/**
 * Loads a model in this thread: checks that its golden examples get their recorded probabilities, and warms it up.
 *
 * @param counters The counters of the thread's {@link ModelSlot}.
 * @throws {Failure} `artifact-corrupt`
 */
export function loadModel(content: ModelContent, counters: CountersByVersion): LoadedModel {
  const keys = exampleKeysOf(content.metadata.spec);
  const predictor = createPredictor({
    ...content.metadata,
    ...(keys ? { keys: [keys.id, keys.group] } : {}),
  });
  const predictText = createTextPredictor(predictor, content.metadata);
  verifyGolden(content, predictor, predictText);
  return {
    ...content,
    predictor,
    predictText,
    explainer: createRowExplainer(content.metadata),
    keys,
    counters: counters.forModel(content.version, predictor),
    // A model id has no character that JSON would escape.
    idMembersJson: `"model_id":"${content.modelId}","version":${content.version}`,
    example: content.metadata.golden.at(0)?.features,
  };
}

function verifyGolden(
  { modelId, metadata: { golden } }: ModelContent,
  predictor: Predictor,
  predictText: TextPredictor | undefined,
): void {
  if (golden.length === 0) return;
  const findings = createFindings();
  const texts = golden.map(({ features }) => jsonText(features));
  for (let i = 0; i < warmUpCount; i++) {
    const { features, probability } = golden[i % golden.length];
    const found = predictor.predict(features, findings);
    const ofText = predictText?.(texts[i % golden.length], findings) ?? NaN;
    clearFindings(findings);
    // NaN for a text that must be parsed.
    if (found === probability && (ofText === probability || ofText !== ofText)) continue;
    const wrong = found === probability ? ofText : found;
    throw new Failure(
      "artifact-corrupt",
      `The model ${modelId} cannot be used: a golden example gives ${wrong}, expected ${probability}. Train it again.`,
    );
  }
}
