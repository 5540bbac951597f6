import { withJson } from "../http/body.ts";
import { bodyFailure, requirePlain } from "../http/body_failure.ts";
import { predict, predictBodyBytesMax, predictWith } from "../scoring/predict.ts";
import { readQuery } from "../http/query.ts";
import { type Route, routesWith } from "../http/route.ts";
import { readRowOptions, rowParameters, rowProblems, rowQueries } from "../scoring/row_answer.ts";
import type { ModelSlot } from "../models/loaded_model.ts";
import type { StoredRows } from "../scoring/stored_rows.ts";

const route = routesWith<"predict">("predictions", () => import("./schemas/row_answer.ts"));

/** A single header: with a second one the runtime takes a slower path, which costs more than the prediction itself. */
export const predictionInit: ResponseInit = { headers: { "content-type": "application/json" } };

export const predictPath = "/predict";

/** Returns `POST /predict`. Most requests take the fast path instead: see `createHandler`. */
export function predictRoute(slot: ModelSlot, storedRows: StoredRows): Route {
  return route("POST", predictPath, {
    id: "predict",
    summary: "the raw fields of one row, or its key in the store → the probability that its label is 1",
    description:
      "Every field of the model is required; a nullable field may be null if its value is not known. A category that the " +
      "model has not seen is answered too, and its field is listed in `unseen`. If the row has a key of the store, fields " +
      "may be omitted; fields that are sent take precedence over stored ones.",
    parameters: rowParameters,
    problems: rowProblems,
    schemas: "predict",
  }, async ({ request, requestId }) => {
    const options = readRowOptions(readQuery(request, rowQueries));
    requirePlain(request);
    try {
      return await withJson(request, { bytesMax: predictBodyBytesMax }, async (body) => {
        const model = slot.current;
        const isPlain = model === undefined || (!options.explain && options.interval === undefined);
        const answer = isPlain
          ? predict(slot, body, requestId, storedRows)
          : predictWith(model, body, requestId, storedRows, options);
        return new Response(await answer, predictionInit);
      });
    } catch (error) {
      throw bodyFailure(error, request);
    }
  });
}
