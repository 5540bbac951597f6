import { Failure } from "../../pipeline/failure.ts";
import type { ModelRow, Registry } from "../../pipeline/model/registry.ts";
import { createArtifactCache } from "./artifact_cache.ts";
import { type LoadedModel, loadModel, type ModelSlot } from "./loaded_model.ts";
import { createUnloadedModels, type UnloadedModels } from "./unloaded_models.ts";

/** The name of whatever model is in production. */
export const productionName = "clickwell";

/** How a request names a model. */
export interface ModelReference {
  /** `clickwell`, an alias, an id or a version. */
  readonly name: string;
  /** An id, a version or an alias, where the request asks for one of the models of that name. */
  readonly version?: string | undefined;
}

/** A name that requests can use, and the model that it stands for. */
export interface ListedModel {
  readonly name: string;
  readonly modelId: string;
  readonly version: number;
  /** False for a model that was unloaded. */
  readonly ready: boolean;
}

/**
 * The models that requests can name: the one in production and, beside it, any that is registered, read when it is first
 * asked for. Each thread has a library of its own.
 */
export interface ModelRepository {
  /**
   * The model of a name: at once where it is in memory, else a promise of it.
   *
   * @throws {Failure} `model-missing` where none is in production. The promise rejects with `model-unknown`,
   *   `model-unloaded`, `artifact-corrupt`, or a failure of the store.
   */
  find(reference: ModelReference): LoadedModel | Promise<LoadedModel>;
  /** The same, and takes back that it was unloaded. What is in production stays what it is. */
  load(reference: ModelReference): Promise<LoadedModel>;
  /**
   * Forgets a model, and refuses it from then on until it is loaded again or put in production.
   *
   * @throws {Failure} `model-in-production`; `model-unknown`; a failure of the store.
   */
  unload(reference: ModelReference): Promise<void>;
  /** Every name: that of production first, then aliases, then ids, the newest first. */
  list(): Promise<readonly ListedModel[]>;
}

type Named = Pick<ModelRow, "modelId" | "version">;

export interface ModelRepositoryOptions {
  readonly modelsDir: string;
  readonly slot: ModelSlot;
  readonly registry: Registry;
  /** Those of the whole process, where other threads answer beside this one. */
  readonly unloadedModels?: UnloadedModels | undefined;
}

/** Models in memory beside the one in production; the one that was read longest ago makes room. */
const modelsMax = 16;
/** Names whose model is known. */
const namesMax = 256;

export function createModelRepository(options: ModelRepositoryOptions): ModelRepository {
  const { modelsDir, slot, registry, unloadedModels: unloads = createUnloadedModels() } = options;
  const shelf = createArtifactCache(modelsDir);
  const models = new Map<string, LoadedModel>();
  /** What a name stood for when the store was as its stamp says. */
  const resolutions = new Map<string, { readonly row: Named; readonly stamp: string }>();

  function isUnloaded({ modelId, version }: Named): boolean {
    return modelId !== slot.current?.modelId && unloads.has(version);
  }

  function inMemory({ modelId, version }: Named): LoadedModel | undefined {
    // Read once: another thread may change it at any moment.
    const { current } = slot;
    if (current?.modelId === modelId) return current;
    return unloads.has(version) ? undefined : models.get(modelId);
  }

  function obtain(row: ModelRow): LoadedModel {
    const known = inMemory(row);
    if (known) return known;
    if (isUnloaded(row)) throw modelUnloaded(row.modelId);
    const model = loadModel(shelf.read(row), slot.counters);
    keep(models, row.modelId, { value: model, max: modelsMax });
    return model;
  }

  async function resolve(reference: ModelReference): Promise<ModelRow> {
    // Before the visit: what is written meanwhile is then seen at the next request.
    const stamp = registry.stamp();
    const row = await rowOf(registry, reference, slot);
    keep(resolutions, keyOf(reference), { value: { row, stamp }, max: namesMax });
    return row;
  }

  async function look(reference: ModelReference): Promise<LoadedModel> {
    try {
      return obtain(await resolve(reference));
    } catch (error) {
      // Predictions do not wait for the store: what a name stood for when it could last be read goes on answering.
      const last = isOfStore(error) ? resolutions.get(keyOf(reference)) : undefined;
      const model = last && inMemory(last.row);
      if (model) return model;
      throw error;
    }
  }

  return {
    find(reference) {
      if (isProduction(reference)) {
        const { current } = slot;
        if (!current) throw slot.unavailableReason;
        return current;
      }
      const known = resolutions.get(keyOf(reference));
      const model = known?.stamp === registry.stamp() ? inMemory(known.row) : undefined;
      return model ?? look(reference);
    },
    async load(reference) {
      if (isProduction(reference)) {
        const { current } = slot;
        if (!current) throw slot.unavailableReason;
        return current;
      }
      const row = await resolve(reference);
      unloads.set(row.version, false);
      return obtain(row);
    },
    async unload(reference) {
      const { current } = slot;
      const row = isProduction(reference) && current ? current : await resolve(reference);
      if (row.modelId === slot.current?.modelId) throw modelInProduction(row.modelId);
      unloads.set(row.version, true);
      models.delete(row.modelId);
    },
    async list() {
      const [rows, aliases] = await Promise.all([registry.listModels(), registry.aliases()]);
      const named = (row: Named, name = row.modelId) => ({
        name,
        modelId: row.modelId,
        version: row.version,
        ready: !isUnloaded(row),
      });
      const { current } = slot;
      return [
        ...(current ? [named(current, productionName)] : []),
        ...aliases.flatMap(({ alias, modelId }) =>
          rows.filter((row) => row.modelId === modelId).map((row) => named(row, alias))
        ),
        ...rows.map((row) => named(row)),
      ];
    },
  };
}

function isProduction({ name, version }: ModelReference): boolean {
  return name === productionName && version === undefined;
}

/** A name has no slash: it comes out of a path. */
function keyOf({ name, version }: ModelReference): string {
  return version === undefined ? name : `${name}/${version}`;
}

/** @throws {Failure} `model-unknown`, also where the version is not one of the name's models. */
async function rowOf(
  registry: Registry,
  { name, version }: ModelReference,
  { current, unavailableReason: absence }: ModelSlot,
): Promise<ModelRow> {
  if (version === undefined) {
    if (name !== productionName) return await registry.findModel(name);
    if (!current) throw absence;
    return await registry.findModel(current.modelId);
  }
  const row = await registry.findModel(version);
  if (name === productionName || (await registry.findModel(name)).modelId === row.modelId) return row;
  throw new Failure(
    "model-unknown",
    `"${name.slice(0, 80)}" has no version "${
      version.slice(0, 80)
    }". It is the name of one model; those of ${productionName} are all there are.`,
  );
}

function keep<Value>(
  map: Map<string, Value>,
  key: string,
  { value, max }: { readonly value: Value; readonly max: number },
): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value ?? "");
}

function isOfStore(error: unknown): boolean {
  return error instanceof Failure && error.kind.startsWith("store-");
}

function modelUnloaded(modelId: string): Failure {
  return new Failure(
    "model-unloaded",
    `The model ${modelId} was unloaded: POST /v2/repository/models/${modelId}/load brings it back.`,
  );
}

function modelInProduction(modelId: string): Failure {
  return new Failure(
    "model-in-production",
    `The model ${modelId} is in production and stays: put another one there first, with POST /model.`,
  );
}
