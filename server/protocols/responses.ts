import type { LoadedModel } from "../models/loaded_model.ts";

/** Returns a response about a model, with its id and version as headers. */
export function modelResponse({ modelId, version }: LoadedModel, body: unknown): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    headers: {
      "content-type": "application/json",
      "x-model-id": modelId,
      "x-model-version": String(version),
    },
  });
}

/** Returns the ids of model and request: members of a JSON object, without its braces. */
export function idMembers({ modelId, version }: LoadedModel, requestId: string): string {
  // Ids need no JSON escapes.
  return `"model_id":"${modelId}","model_version":"${version}","request_id":"${requestId}"`;
}

/** Returns the answer that MLflow, KServe V1, TensorFlow Serving by rows, SageMaker and Vertex AI have in common. */
export function predictionsJson(
  model: LoadedModel,
  probabilities: readonly number[],
  requestId: string,
): string {
  return `{"predictions":[${probabilities.join(",")}],${idMembers(model, requestId)}}`;
}
