import type { Predictor } from "../../pipeline/model/predictor.ts";
import type { LoadedModel } from "../serving_model.ts";

/** Works something out of a model once, and keeps it as long as the model is kept. */
export function oncePerModel<Value>(make: (predictor: Predictor) => Value): (model: LoadedModel) => Value {
  const made = new WeakMap<Predictor, Value>();
  return ({ predictor }) => {
    let value = made.get(predictor);
    if (value === undefined) {
      value = make(predictor);
      made.set(predictor, value);
    }
    return value;
  };
}

/** The names of a model's fields, in their order. */
export const fieldNames: (model: LoadedModel) => ReadonlySet<string> = oncePerModel(
  ({ fields }) => new Set(fields.map(({ name }) => name)),
);
