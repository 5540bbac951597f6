import { createLru } from "../../pipeline/runtime/lru.ts";
import type { CountersByVersion } from "../metrics/prediction_counters.ts";
import { type LoadedModel, loadModel, type ModelContent, type ModelName } from "./loaded_model.ts";

/** The active model, the one before it, and one candidate. */
export const cachedModelsMax = 3;

/**
 * The loaded models of one thread.
 * Keeps the models used last, so that a model that becomes active again is not loaded again.
 *
 * @param counters The counters of the thread's slot.
 */
export function createLoadedModelCache(counters: CountersByVersion) {
  const models = createLru<LoadedModel>(cachedModelsMax);
  return {
    find: (name: ModelName): LoadedModel | undefined => models.get(keyOf(name)),
    /** @throws {Failure} `artifact-corrupt` */
    add: (content: ModelContent): LoadedModel => models.set(keyOf(content), loadModel(content, counters)),
  };
}

function keyOf({ modelId, version, checksum }: ModelName): string {
  return `${modelId} ${version} ${checksum}`;
}
