import { createLru } from "../../pipeline/runtime/lru.ts";
import type { CountersByVersion } from "../metrics/prediction_counters.ts";
import { type LoadedModel, loadModel, type ModelContent, type ModelName } from "./loaded_model.ts";

/** The loaded models of one thread. */
export interface LoadedModelCache {
  find(name: ModelName): LoadedModel | undefined;
  /** @throws {Failure} `artifact-corrupt` */
  add(content: ModelContent): LoadedModel;
}

/** The active model, the one before it, and one candidate. */
export const cachedModelsMax = 3;

/**
 * Keeps the models used last, so that a model that becomes active again is not loaded again.
 *
 * @param counters The counters of the thread's slot.
 */
export function createLoadedModelCache(counters: CountersByVersion): LoadedModelCache {
  const models = createLru<LoadedModel>(cachedModelsMax);
  return {
    find: (name) => models.get(keyOf(name)),
    add: (content) => models.set(keyOf(content), loadModel(content, counters)),
  };
}

function keyOf({ modelId, version, checksum }: ModelName): string {
  return `${modelId} ${version} ${checksum}`;
}
