import { createHash } from "node:crypto";
import { ifNoneMatch, taggedText } from "../http/entity_tag.ts";
import { type Route, routesWith } from "../http/route.ts";
import type { ModelSlot } from "../models/loaded_model.ts";

const route = routesWith("operation", () => import("./schemas/service.ts"));

export interface OpenapiRouteOptions {
  readonly slot: ModelSlot;
  /** Returns the whole route table, including this route. */
  readonly routes: () => readonly Route[];
  /** Writes need the admin token. */
  readonly guarded: boolean;
}

interface CachedDocument {
  readonly modelId: string | undefined;
  readonly text: string;
  readonly etag: string;
}

/** Returns `GET /openapi.json`. The document is written at the first request, and again when the active model changes. */
export function openapiRoute({ slot, routes, guarded }: OpenapiRouteOptions): Route {
  let cached: CachedDocument | undefined;

  async function write(): Promise<CachedDocument> {
    const model = slot.current;
    if (cached && cached.modelId === model?.modelId) return cached;
    const { createDocument } = await import("../openapi/document.ts");
    const text = `${JSON.stringify(await createDocument({ routes: routes(), model, guarded }))}\n`;
    // Another version of clickwell, or an admin token, changes the document of the same model.
    const digest = createHash("sha256").update(text).digest("hex").slice(0, 8);
    const modelId = model?.modelId;
    return cached = { modelId, text, etag: `"${modelId ?? "none"}.${digest}"` };
  }

  return route("GET", "/openapi.json", {
    id: "openapi",
    summary: "this API as an OpenAPI document, with the fields of the model in production",
    parameters: [ifNoneMatch],
    schemas: "openapi",
  }, async ({ request }) => {
    const { text, etag } = await write();
    return taggedText(request, text, etag);
  });
}
