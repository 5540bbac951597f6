import { Failure } from "../../pipeline/failure.ts";
import type { ArtifactStore } from "../../pipeline/model/artifact.ts";
import type { ModelRow, Registry } from "../../pipeline/model/registry.ts";
import { createLru } from "../../pipeline/runtime/lru.ts";
import { createArtifactCache } from "./artifact_cache.ts";
import { activeModel, type LoadedModel, loadModel, type ModelSlot } from "./loaded_model.ts";
import { createUnloadedModels, type UnloadedModels } from "./unloaded_models.ts";

/** The name of the active model, whichever it is. */
export const productionName = "clickwell";

/** How a request names a model. */
export interface ModelReference {
  /** `clickwell`, an alias, an id or a version. */
  readonly name: string;
  /** An id, a version or an alias, if the request asks for one of the models of that name. */
  readonly version?: string | undefined;
}

/** A name that requests can use, and its model. */
export interface ListedModel {
  readonly name: string;
  readonly modelId: string;
  readonly version: number;
  /** False for a model that was unloaded. */
  readonly ready: boolean;
}

/**
 * The models that requests can name: the active one, and any other that is registered, which is loaded at its first use.
 * Each thread has its own repository.
 */
export type ModelRepository = ReturnType<typeof createModelRepository>;

type NamedModel = Pick<ModelRow, "modelId" | "version">;

export interface ModelRepositoryOptions {
  readonly artifacts: ArtifactStore;
  readonly slot: ModelSlot;
  readonly registry: Registry;
  /** Shared by all threads of the process, if there are several. */
  readonly unloadedModels?: UnloadedModels | undefined;
}

/** Names whose model is remembered. */
const namesMax = 256;

export function createModelRepository(options: ModelRepositoryOptions) {
  const { slot, registry, unloadedModels = createUnloadedModels() } = options;
  const models = createModelMemory({ ...options, unloadedModels });
  /** The model of a name, and the stamp of the registry before it was resolved. */
  const resolutions = createLru<{ readonly row: NamedModel; readonly stamp: string }>(namesMax);

  async function resolve(reference: ModelReference): Promise<ModelRow> {
    // The stamp is read first, so that a write in between is noticed by the next request.
    const stamp = registry.stamp();
    const row = await rowOf(registry, reference, slot);
    resolutions.set(keyOf(reference), { row, stamp });
    return row;
  }

  async function resolveAndLoad(reference: ModelReference): Promise<LoadedModel> {
    try {
      return await models.getOrLoad(await resolve(reference));
    } catch (error) {
      // Predictions do not wait for the store: if it cannot be read, a name keeps the model it had last.
      const last = isOfStore(error) ? resolutions.peek(keyOf(reference)) : undefined;
      const model = last && models.get(last.row);
      if (model) return model;
      throw error;
    }
  }

  return {
    /**
     * Finds a model by name. Returns it at once if it is in memory, otherwise a promise of it.
     *
     * @throws {Failure} `model-missing` if no model is active. The promise rejects with `model-unknown`, `model-unloaded`,
     *   `artifact-corrupt`, `artifacts-unavailable`, or a failure of the store.
     */
    find(reference: ModelReference): LoadedModel | Promise<LoadedModel> {
      if (isProduction(reference)) return activeModel(slot);
      const known = resolutions.peek(keyOf(reference));
      const model = known?.stamp === registry.stamp() ? models.get(known.row) : undefined;
      return model ?? resolveAndLoad(reference);
    },
    /** Finds a model, and loads it if it was unloaded. The active model does not change. */
    async load(reference: ModelReference): Promise<LoadedModel> {
      if (isProduction(reference)) return activeModel(slot);
      const row = await resolve(reference);
      unloadedModels.set(row.version, false);
      return await models.getOrLoad(row);
    },
    /**
     * Removes a model from memory. Requests for it fail until it is loaded again or becomes active.
     *
     * @throws {Failure} `model-in-production`; `model-unknown`; a failure of the store.
     */
    async unload(reference: ModelReference): Promise<void> {
      const { current } = slot;
      const row = isProduction(reference) && current ? current : await resolve(reference);
      if (row.modelId === slot.current?.modelId) throw modelInProduction(row.modelId);
      unloadedModels.set(row.version, true);
      models.delete(row);
    },
    /** Lists all names: `clickwell` first, then aliases, then ids, newest first. */
    async list(): Promise<readonly ListedModel[]> {
      const [rows, aliases] = await Promise.all([registry.listModels(), registry.aliases()]);
      const listed = ({ modelId, version }: NamedModel, name = modelId) => ({
        name,
        modelId,
        version,
        ready: !models.isUnloaded({ modelId, version }),
      });
      const { current } = slot;
      return [
        ...(current ? [listed(current, productionName)] : []),
        ...aliases.flatMap(({ alias, modelId }) =>
          rows.filter((row) => row.modelId === modelId).map((row) => listed(row, alias))
        ),
        ...rows.map((row) => listed(row)),
      ];
    },
  };
}

/** Models in memory in addition to the active one; the one loaded longest ago is dropped first. */
const modelsMax = 16;

/** The models in memory, the active one among them. */
function createModelMemory(
  { artifacts, slot, unloadedModels }: ModelRepositoryOptions & { readonly unloadedModels: UnloadedModels },
) {
  const cache = createArtifactCache(artifacts);
  const models = createLru<LoadedModel>(modelsMax);

  function isUnloaded({ modelId, version }: NamedModel): boolean {
    return modelId !== slot.current?.modelId && unloadedModels.has(version);
  }

  function get({ modelId, version }: NamedModel): LoadedModel | undefined {
    // Read once: another thread may change it at any moment.
    const { current } = slot;
    if (current?.modelId === modelId) return current;
    return unloadedModels.has(version) ? undefined : models.peek(modelId);
  }

  /** Models that are being loaded: requests that come meanwhile wait for the same. */
  const loads = new Map<string, Promise<LoadedModel>>();

  async function load(row: ModelRow): Promise<LoadedModel> {
    try {
      return models.set(row.modelId, loadModel(await cache.read(row), slot.counters));
    } finally {
      loads.delete(row.modelId);
    }
  }

  return {
    isUnloaded,
    get,
    /** @throws {Failure} `model-unloaded`, `artifact-corrupt`, `artifacts-unavailable` */
    async getOrLoad(row: ModelRow): Promise<LoadedModel> {
      const known = get(row);
      if (known) return known;
      if (isUnloaded(row)) throw modelUnloaded(row.modelId);
      const loading = loads.get(row.modelId) ?? load(row);
      loads.set(row.modelId, loading);
      return await loading;
    },
    delete: ({ modelId }: NamedModel): void => models.delete(modelId),
  };
}

function isProduction({ name, version }: ModelReference): boolean {
  return name === productionName && version === undefined;
}

/** Names are parts of a path and so contain no slash. */
function keyOf({ name, version }: ModelReference): string {
  return version === undefined ? name : `${name}/${version}`;
}

/** @throws {Failure} `model-missing`; `model-unknown`, also if the version is not one of the name's models. */
async function rowOf(
  registry: Registry,
  { name, version }: ModelReference,
  slot: ModelSlot,
): Promise<ModelRow> {
  if (version === undefined) {
    return await registry.findModel(name === productionName ? activeModel(slot).modelId : name);
  }
  const row = await registry.findModel(version);
  if (name === productionName || (await registry.findModel(name)).modelId === row.modelId) return row;
  throw new Failure(
    "model-unknown",
    `"${name.slice(0, 80)}" has no version "${
      version.slice(0, 80)
    }". It is the name of one model; only ${productionName} has all versions.`,
  );
}

function isOfStore(error: unknown): boolean {
  return error instanceof Failure && error.kind.startsWith("store-");
}

function modelUnloaded(modelId: string): Failure {
  return new Failure(
    "model-unloaded",
    `The model ${modelId} is unloaded. Load it with POST /v2/repository/models/${modelId}/load.`,
  );
}

function modelInProduction(modelId: string): Failure {
  return new Failure(
    "model-in-production",
    `The model ${modelId} is in production and cannot be unloaded. Put another one in production first, with POST /model.`,
  );
}
