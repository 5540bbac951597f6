import { usageInvalid } from "../../pipeline/failure.ts";
import { predictionInit } from "../routes/predict.ts";
import { type Route, routesWith } from "../http/route.ts";
import { activeModel, type ModelSlot } from "../models/loaded_model.ts";
import { requireObject, withContent, withProtocolJson } from "./protocol_body.ts";
import { rowsOfList } from "./protocol_rows.ts";
import { predictionsJson } from "./responses.ts";
import { withScores } from "./score_rows.ts";

/** Paths that Vertex AI requests from a container, from its variables AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE. */
export interface VertexPaths {
  readonly health: string;
  readonly predict: string;
}

export interface VertexOptions {
  readonly paths: VertexPaths;
  readonly slot: ModelSlot;
  /** Routes defined so far; they take precedence. */
  readonly existingRoutes: readonly Route[];
  /** The route of `GET /ping`. */
  readonly ping: Route;
}

const route = routesWith("protocols", () => import("./tensorflow/schemas.ts"));

/** Existing paths that accept the requests of Vertex AI. */
const equivalentPaths = new Set(["/invocations", "/v1/models/clickwell:predict"]);

/**
 * Returns the two routes of a Vertex AI custom container, without those that exist already.
 *
 * @throws {Failure} `usage-invalid` if the prediction path belongs to a route with another body.
 * @see Vertex AI, "Custom container requirements for prediction".
 */
export function vertexRoutes({ paths, slot, existingRoutes, ping }: VertexOptions): readonly Route[] {
  const isThere = (method: Route["method"], path: string) =>
    existingRoutes.some((route) => route.method === method && route.path === path);
  if (isThere("POST", paths.predict) && !equivalentPaths.has(paths.predict)) {
    throw usageInvalid(
      `AIP_PREDICT_ROUTE is ${paths.predict}, which clickwell uses for other requests: choose another path, for example /vertex/predict.`,
    );
  }
  const health: Route = {
    ...ping,
    path: paths.health,
    summary: "Vertex AI: 200 when ready to predict",
    operation: { ...ping.operation, id: "vertexHealth" },
  };
  const predict = route(
    "POST",
    paths.predict,
    {
      id: "vertexPredict",
      summary: "Vertex AI: rows of raw fields → probabilities",
      schemas: "vertex",
      fastPath: true,
      problems: ["model-missing"],
    },
    ({ request, requestId }) =>
      withContent(request, () => activeModel(slot), (content, model) =>
        withProtocolJson(content, (body) => {
          const rows = rowsOfList(model, requireObject(body, "The body").instances, "#/instances");
          const respond = (probabilities: readonly number[]) =>
            new Response(predictionsJson(model, probabilities, requestId), predictionInit);
          return withScores(model, rows, respond);
        })),
  );
  return [
    ...(isThere("GET", paths.health) ? [] : [health]),
    ...(equivalentPaths.has(paths.predict) ? [] : [predict]),
  ];
}
