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
    operation: {
      id: "predict",
      tag: "predictions",
      description:
        "Every field of the model has to be there; where it may be null, null says that its value is not known. A category " +
        "that the model has not seen is answered too, and named in `unseen`.",
      problems: ["model-missing"],
      exchanged: async () => (await import("./predict_schemas.ts")).predict,
    },
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
