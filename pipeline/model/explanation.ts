import { createDeepPart } from "./network.ts";
import { createRowEncoder } from "./encoded_row.ts";
import type { ServableModel } from "./predictor.ts";

/** The parts of a row's log-odds. */
export interface Explanation {
  /** intercept + the contributions in their order + network: bit for bit the log-odds of the predictor. */
  readonly logit: number;
  readonly intercept: number;
  /** Log-odds per raw field, in the order of the model's fields, shape (fields). */
  readonly contributions: Float64Array;
  /**
   * The deep part's log-odds in a model with hidden layers, where the fields act together. The contributions are then
   * those of the wide part alone.
   */
  readonly network: number | undefined;
}

/** Explains a row that the model's predictor has answered. */
export type Explainer = (row: Readonly<Record<string, unknown>>) => Explanation;

export function createExplainer({ encoder, coefficients, intercept, network }: ServableModel): Explainer {
  const encode = createRowEncoder(encoder);
  const deep = network && createDeepPart(network);
  return (row) => {
    const contributions = new Float64Array(encoder.features.length);
    deep?.begin();
    encode(row, (field, column, value) => {
      contributions[field] += value * coefficients[column];
      deep?.add(column, value);
    });
    const wide = contributions.reduce((sum, part) => sum + part, intercept);
    const hidden = deep?.logit();
    return { logit: hidden === undefined ? wide : wide + hidden, intercept, contributions, network: hidden };
  };
}
