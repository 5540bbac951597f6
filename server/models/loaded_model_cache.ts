import { type LoadedModel, loadModel, type ModelContent, type ModelName } from "./loaded_model.ts";
import type { CountersByVersion } from "../metrics/prediction_counters.ts";

/** Models that a thread has ready. */
export interface LoadedModelCache {
  find(name: ModelName): LoadedModel | undefined;
  /** @throws {Failure} `artifact-corrupt` */
  add(content: ModelContent): LoadedModel;
}

/** The one in production, the one before, and one that is tried. */
export const keptModelsMax = 3;

/**
 * Keeps the models that were asked for last, so that one that is put in production again is not made ready again.
 *
 * @param tallies Of the thread's slot.
 */
export function createLoadedModelCache(tallies: CountersByVersion): LoadedModelCache {
  /** The one that was asked for longest ago first. */
  const kept = new Map<string, LoadedModel>();

  function keep(key: string, model: LoadedModel): LoadedModel {
    kept.delete(key);
    kept.set(key, model);
    if (kept.size > keptModelsMax) kept.delete(kept.keys().next().value ?? "");
    return model;
  }

  return {
    find(name) {
      const key = keyOf(name);
      const model = kept.get(key);
      return model && keep(key, model);
    },
    add: (content) => keep(keyOf(content), loadModel(content, tallies)),
  };
}

function keyOf({ modelId, version, checksum }: ModelName): string {
  return `${modelId} ${version} ${checksum}`;
}
