import type { Field } from "../../../pipeline/model/signature.ts";
import type { LoadedModel } from "../../models/loaded_model.ts";
import { signatureName } from "./request.ts";

/**
 * Returns the body of `GET …/metadata`.
 *
 * @see tensorflow/serving g3doc/api_rest.md, "Model Metadata API"; tensorflow/core/protobuf/meta_graph.proto, SignatureDef.
 */
export function tensorflowMetadata(name: string, { version, predictor }: LoadedModel) {
  const inputs = predictor.fields.map((field) => [field.name, tensorInfo(field.name, dtypeOf(field))]);
  return {
    model_spec: { name, signature_name: "", version: String(version) },
    metadata: {
      signature_def: {
        signature_def: {
          [signatureName]: {
            inputs: Object.fromEntries(inputs),
            outputs: { probability: tensorInfo("probability", "DT_DOUBLE") },
            method_name: "tensorflow/serving/predict",
          },
        },
      },
    },
  };
}

function dtypeOf({ type }: Field): string {
  return { numeric: "DT_DOUBLE", time: "DT_INT64", categorical: "DT_STRING" }[type];
}

/** Describes a tensor with one value per row and any number of rows. */
function tensorInfo(name: string, dtype: string) {
  return {
    dtype,
    tensor_shape: { dim: [{ size: "-1", name: "" }], unknown_rank: false },
    name: `${name}:0`,
  };
}
