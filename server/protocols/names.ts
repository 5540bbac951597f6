import type { Predictor } from "../../pipeline/model/predictor.ts";
import type { LoadedModel } from "../models/loaded_model.ts";
import { Failure, type FailureKind } from "../../pipeline/failure.ts";
import { type ModelRepository, productionName } from "../models/model_repository.ts";
import type { Parameter } from "../http/operation.ts";
import { readingProblems } from "../http/problem.ts";

/** Works something out of a model once, and keeps it as long as the model is kept. */
export function oncePerModel<Value>(make: (model: LoadedModel) => Value): (model: LoadedModel) => Value {
  // In production a model is the same with an assignment beside it: the predictor is what is made once.
  const made = new WeakMap<Predictor, Value>();
  return (model) => {
    let value = made.get(model.predictor);
    if (value === undefined) {
      value = make(model);
      made.set(model.predictor, value);
    }
    return value;
  };
}

/** The names of a model's fields, in their order. */
export const fieldNames: (model: LoadedModel) => ReadonlySet<string> = oncePerModel(
  ({ predictor: { fields } }) => new Set(fields.map(({ name }) => name)),
);

/** The names that rows may have: of the fields, and of the keys that may stand beside them. */
export const rowNames: (model: LoadedModel) => ReadonlySet<string> = oncePerModel(
  ({ predictor: { fields }, keys }) =>
    new Set([...fields.map(({ name }) => name), ...(keys ? [keys.id, keys.group] : [])]),
);

/** Every name that requests can use; where the store cannot be read, that of the model in production. */
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
  description: "`clickwell` for the model in production; or an alias, an id or a version",
  schema: { type: "string", examples: ["clickwell"] },
};

/** What may be wrong with the model that a path names. */
export const modelProblems: readonly FailureKind[] = [
  "model-missing",
  "model-unknown",
  "model-unloaded",
  "artifact-corrupt",
  ...readingProblems,
];
