import { Failure } from "../../pipeline/failure.ts";
import type { Lifecycle } from "../runtime/lifecycle.ts";
import { jsonResponse, type RequestContext, type Route } from "../http/route.ts";
import { activeModel, type ModelSlot } from "../models/loaded_model.ts";

export interface HealthRoutesOptions {
  readonly slot: ModelSlot;
  readonly lifecycle: Lifecycle;
}

const schemas = () => import("./schemas/service.ts");

/** @throws {Failure} `draining` */
export function requireNotDraining({ draining }: Lifecycle): void {
  if (!draining) return;
  throw new Failure("draining", "The server is shutting down and only finishes requests in progress.");
}

/** Returns `GET /livez`, `/healthz` and `/readyz`. */
export function healthRoutes({ slot, lifecycle }: HealthRoutesOptions): readonly Route[] {
  const live = (_: RequestContext) => jsonResponse({ live: true });
  return [
    {
      method: "GET",
      health: true,
      path: "/livez",
      summary: "200 while the process is running",
      operation: { id: "live", tag: "operation", schemas: async () => (await schemas()).live },
      handle: live,
    },
    {
      method: "GET",
      health: true,
      path: "/healthz",
      summary: "same as /livez",
      operation: { id: "health", tag: "operation", schemas: async () => (await schemas()).live },
      handle: live,
    },
    {
      method: "GET",
      health: true,
      path: "/readyz",
      summary: "200 when ready to predict; 503 without a model and during shutdown",
      operation: {
        id: "ready",
        tag: "operation",
        problems: ["draining", "model-missing"],
        schemas: async () => (await schemas()).ready,
      },
      handle() {
        requireNotDraining(lifecycle);
        const { modelId, version } = activeModel(slot);
        return jsonResponse({ ready: true, model_id: modelId, version });
      },
    },
  ];
}
