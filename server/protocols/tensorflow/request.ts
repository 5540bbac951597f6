import { invalid, type ProtocolRows, rowsOfColumns, rowsOfList } from "../protocol_rows.ts";
import { kindOf, requireObject } from "../protocol_body.ts";
import type { LoadedModel } from "../../models/loaded_model.ts";
import { isObject } from "../../../pipeline/exact_json.ts";

/** Name of the only signature of a model. */
export const signatureName = "serving_default";

export interface PredictRequest {
  readonly rows: ProtocolRows;
  /** Member of the answer: `predictions` for requests by rows, `outputs` for requests by columns. */
  readonly answersAs: "predictions" | "outputs";
}

/**
 * Reads the body of `:predict`.
 *
 * @see tensorflow/serving g3doc/api_rest.md, "Predict API".
 * @throws {Failure} `input-invalid`
 */
export function readPredictRequest(model: LoadedModel, body: unknown): PredictRequest {
  const { signature_name, instances, inputs } = requireObject(body, "The body");
  requireSignature(signature_name);
  if ((instances === undefined) === (inputs === undefined)) {
    throw invalid("#", 'must have either "instances" (rows) or "inputs" (columns)');
  }
  if (inputs === undefined) {
    return { answersAs: "predictions", rows: rowsOfList(model, instances, "#/instances") };
  }
  const rows = isObject(inputs)
    ? rowsOfColumns(model, inputs, "#/inputs")
    : rowsOfList(model, inputs, "#/inputs");
  return { answersAs: "outputs", rows };
}

/**
 * Reads the body of `:classify` and `:regress`: examples, and the features that they share.
 *
 * @see tensorflow/serving g3doc/api_rest.md, "Classify and Regress API".
 * @throws {Failure} `input-invalid`
 */
export function readExamplesRequest(model: LoadedModel, body: unknown): ProtocolRows {
  const { signature_name, context = {}, examples } = requireObject(body, "The body");
  requireSignature(signature_name);
  if (!isObject(context)) throw invalid("#/context", `must be an object, not ${kindOf(context)}`);
  const list = rowsOfList(model, examples, "#/examples");
  const shared = rowsOfList(model, [context], "#/context").rowAt(0);
  return {
    ...list,
    rowAt(i) {
      const row = list.rowAt(i);
      // An example's own feature takes precedence over the shared one.
      return isObject(row) && isObject(shared) ? { ...shared, ...row } : row;
    },
  };
}

function requireSignature(name: unknown): void {
  if (name === undefined || name === "" || name === signatureName) return;
  throw invalid("#/signature_name", `must be "${signatureName}", the only signature of a model`);
}
