import { version } from "../../pipeline/version.ts";
import { docsPath } from "./docs.ts";
import { jsonResponse, type Route } from "../http/route.ts";
import type { ModelSlot } from "../models/loaded_model.ts";

/** More levels than this are counted and not listed. */
const levelsShownMax = 50;

/**
 * `GET /`: what is here, and a prediction to start with.
 *
 * @param routes All of the table, this one among them.
 */
export function indexRoute(slot: ModelSlot, routes: () => readonly Route[]): Route {
  return {
    method: "GET",
    path: "/",
    summary: "what is here, and a row to try; for browsers, the page /docs",
    operation: {
      id: "index",
      tag: "operation",
      schemas: async () => (await import("./schemas/service.ts")).index,
    },
    handle({ request }) {
      // A person has come: programs ask for JSON, or for anything.
      if (/\btext\/html\b/.test(request.headers.get("accept") ?? "")) {
        return new Response(null, { status: 303, headers: { location: docsPath, vary: "accept" } });
      }
      const response = jsonResponse({
        name: "clickwell",
        version,
        model: modelIndex(slot),
        routes: routes().map(({ method, path, summary, write = false }) => ({
          method,
          path,
          summary,
          write,
        })),
      });
      response.headers.set("vary", "accept");
      return response;
    },
  };
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
