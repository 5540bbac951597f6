import type { Predictor } from "../../pipeline/model/predictor.ts";
import type { LoadedModel } from "../models/loaded_model.ts";

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
