import type { Predictor } from "../../pipeline/model/predictor.ts";
import type { LoadedModel } from "../models/loaded_model.ts";
import { Failure, type FailureKind } from "../../pipeline/failure.ts";
import { type ModelRepository, productionName } from "../models/model_repository.ts";
import type { Parameter } from "../http/operation.ts";
import { readingProblems } from "../http/problem.ts";

/** Caches a value per model, for as long as the model is in memory. */
export function oncePerModel<Value>(make: (model: LoadedModel) => Value): (model: LoadedModel) => Value {
  // The key is the predictor, because the active model is a copy of the loaded model with its assignment.
  const cache = new WeakMap<Predictor, Value>();
  return (model) => cache.getOrInsertComputed(model.predictor, () => make(model));
}

/** Returns the names of a model's fields, in order. */
export const fieldNames: (model: LoadedModel) => ReadonlySet<string> = oncePerModel(
  ({ predictor: { fields } }) => new Set(fields.map(({ name }) => name)),
);

/** Returns the names that a row may have: fields, keys, and those of features that are served as fixed values. */
export const rowNames: (model: LoadedModel) => ReadonlySet<string> = oncePerModel(
  ({ predictor: { fields, unused }, keys }) =>
    new Set([...fields.map(({ name }) => name), ...unused, ...(keys ? [keys.id, keys.group] : [])]),
);

/** Returns all names that requests can use; only that of the active model if the store cannot be read. */
export async function listModelNames(repository: ModelRepository): Promise<readonly string[]> {
  try {
    return (await repository.list()).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Failure) return [productionName];
    throw error;
  }
}

export const nameParameter: Parameter = {
  name: "name",
  in: "path",
  description: "`clickwell` for the model in production, or an alias, an id or a version",
  schema: { type: "string", examples: ["clickwell"] },
};

/** Problems with the model that a path names. */
export const modelProblems: readonly FailureKind[] = [
  "model-missing",
  "model-unknown",
  "model-unloaded",
  "artifact-corrupt",
  "artifacts-unavailable",
  ...readingProblems,
];
