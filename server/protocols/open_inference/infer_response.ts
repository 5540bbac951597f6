import { predictionInit } from "../../routes/predict.ts";
import type { LoadedModel } from "../../models/loaded_model.ts";
import { outputName } from "./infer_request.ts";

export interface InferAnswer {
  /** The model's name as in the request. */
  readonly name: string;
  readonly model: LoadedModel;
  readonly probabilities: readonly number[];
  /** The client's id of the request, or else `requestId`. */
  readonly id: string;
  readonly requestId: string;
}

const encoder = new TextEncoder();

/** Returns probabilities as JSON. */
export function inferJson(answer: InferAnswer): Response {
  const { probabilities } = answer;
  return new Response(`${opening(answer)},"data":${JSON.stringify(probabilities)}}]}`, predictionInit);
}

/**
 * Returns probabilities as bytes after the JSON: float64, little-endian.
 *
 * @see triton docs/protocol/extension_binary_data.md.
 */
export function inferBytes(answer: InferAnswer): Response {
  const { probabilities } = answer;
  const size = 8 * probabilities.length;
  const json = encoder.encode(`${opening(answer)},"parameters":{"binary_data_size":${size}}}]}`);
  const bytes = new Uint8Array(json.length + size);
  bytes.set(json);
  const view = new DataView(bytes.buffer);
  probabilities.forEach((probability, i) => view.setFloat64(json.length + 8 * i, probability, true));
  return new Response(bytes, {
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(json.length),
    },
  });
}

/** Returns the JSON up to the output's values. */
function opening({ name, model, probabilities, id, requestId }: InferAnswer): string {
  // Request ids need no JSON escapes.
  const ofClient = id === requestId ? `"${id}"` : JSON.stringify(id);
  const ids = `"id":${ofClient},"parameters":{"model_id":"${model.modelId}","request_id":"${requestId}"}`;
  return `{"model_name":"${name}","model_version":"${model.version}",${ids},"outputs":[{"name":"${outputName}",` +
    `"shape":[${probabilities.length}],"datatype":"FP64"`;
}
