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
