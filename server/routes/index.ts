import { version } from "../../pipeline/version.ts";
import { docsPath } from "./docs.ts";
import { jsonResponse, type Route, routesWith } from "../http/route.ts";
import type { ModelSlot } from "../models/loaded_model.ts";

const route = routesWith("operation", () => import("./schemas/service.ts"));

/** Maximum number of levels listed per field. */
const levelsShownMax = 50;

/**
 * Returns `GET /`: the model, the routes, and an example row.
 *
 * @param routes Returns the whole route table, including this route.
 */
export function indexRoute(slot: ModelSlot, routes: () => readonly Route[]): Route {
  return route("GET", "/", {
    id: "index",
    summary: "the model, the routes and an example row; redirects browsers to /docs",
    schemas: "index",
  }, ({ request }) => {
    // Only browsers ask for HTML by name.
    if (/\btext\/html\b/.test(request.headers.get("accept") ?? "")) {
      return new Response(null, { status: 303, headers: { location: docsPath, vary: "accept" } });
    }
    const response = jsonResponse({
      name: "clickwell",
      version,
      model: modelIndex(slot),
      routes: routes().map(({ method, path, summary, write = false }) => ({ method, path, summary, write })),
    });
    response.headers.set("vary", "accept");
    return response;
  });
}

function modelIndex({ current }: ModelSlot) {
  if (!current) return null;
  return {
    model_id: current.modelId,
    version: current.version,
    fields: current.predictor.fields.map(({ levels, ...field }) => ({
      ...field,
      ...(levels === undefined
        ? {}
        : { level_count: levels.length, levels: levels.slice(0, levelsShownMax) }),
    })),
    example: current.example ?? null,
  };
}
