import { bodyFailure, readJson } from "./body.ts";
import { predict, predictBodyBytesMax } from "./predict.ts";
import type { Route } from "./route.ts";
import type { ModelSlot } from "./serving_model.ts";

/** One header: with a second one the runtime takes a slower way, which costs more than the prediction itself. */
export const predictionInit: ResponseInit = { headers: { "content-type": "application/json" } };

export const predictPath = "/predict";

/** Predictions by the ordinary way. Most requests do not come here: see `createHandler`. */
export function predictRoute(slot: ModelSlot): Route {
  return {
    method: "POST",
    path: predictPath,
    summary: "one offer's raw fields → the probability that it is clicked",
    async handle({ request, requestId }) {
      try {
        const body = await readJson(request, predictBodyBytesMax);
        return new Response(predict(slot, body, requestId), predictionInit);
      } catch (error) {
        throw bodyFailure(error, request);
      }
    },
  };
}
