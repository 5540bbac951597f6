import type { LoadedModel } from "../models/loaded_model.ts";

/** An answer about a model, whichever is in production. */
export function modelResponse({ modelId, version }: LoadedModel, body: unknown): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    headers: {
      "content-type": "application/json",
      "x-model-id": modelId,
      "x-model-version": String(version),
    },
  });
}

/** Members that say in an answer which model and which request it is of, without braces. */
export function idMembers({ modelId, version }: LoadedModel, requestId: string): string {
  // An id has no character that JSON would escape.
  return `"model_id":"${modelId}","model_version":"${version}","request_id":"${requestId}"`;
}

/** The answer that MLflow, KServe V1, TensorFlow Serving by rows, SageMaker and Vertex AI have in common. */
export function predictionsJson(
  model: LoadedModel,
  probabilities: readonly number[],
  requestId: string,
): string {
  return `{"predictions":[${probabilities.join(",")}],${idMembers(model, requestId)}}`;
}
