import { type CategoricalEncoder, type NumericEncoder, widthOf } from "../../pipeline/encode/encoder.ts";
import type { ServableModel } from "../../pipeline/model/predictor.ts";

type Field = Omit<NumericEncoder, "column"> | Omit<CategoricalEncoder, "column">;

/** Makes a model of the fields, whose columns have the coefficients 1, 2, 3 … in order, and the intercept −10. */
export function numberedModel(features: readonly Field[]): ServableModel {
  let columnCount = 0;
  const placed = features.map((feature) => {
    const at = { ...feature, column: columnCount };
    columnCount += widthOf(at);
    return at;
  });
  const coefficients = Float64Array.from({ length: columnCount }, (_, j) => j + 1);
  return { encoder: { features: placed, columnCount }, coefficients, intercept: -10 };
}
