import { Failure } from "../../pipeline/failure.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import type { ArtifactsState } from "../runtime/shared_state.ts";
import type { Lifecycle } from "../runtime/lifecycle.ts";
import { jsonResponse, type RequestContext, type Route, routesWith } from "../http/route.ts";
import { activeModel, type ModelSlot } from "../models/loaded_model.ts";

export interface HealthRoutesOptions {
  readonly slot: ModelSlot;
  readonly lifecycle: Lifecycle;
  readonly registry: Pick<Registry, "remote">;
  readonly artifactsState: () => ArtifactsState;
}

const route = routesWith("operation", () => import("./schemas/service.ts"));

/** @throws {Failure} `draining` */
export function requireNotDraining({ draining }: Lifecycle): void {
  if (!draining) return;
  throw new Failure("draining", "The server is shutting down and only finishes requests in progress.");
}

/** Returns `GET /livez`, `/healthz` and `/readyz`. */
export function healthRoutes(
  { slot, lifecycle, registry, artifactsState }: HealthRoutesOptions,
): readonly Route[] {
  const live = (_: RequestContext) => jsonResponse({ live: true });
  return [
    route("GET", "/livez", {
      id: "live",
      health: true,
      summary: "200 while the process is running",
      schemas: "live",
    }, live),
    route("GET", "/healthz", {
      id: "health",
      health: true,
      summary: "same as /livez",
      schemas: "live",
    }, live),
    route("GET", "/readyz", {
      id: "ready",
      health: true,
      summary: "200 when ready to predict; 503 without a model and during shutdown",
      problems: ["draining", "model-missing"],
      schemas: "ready",
    }, () => {
      requireNotDraining(lifecycle);
      const { modelId, version } = activeModel(slot);
      // No reason to route elsewhere: predictions need neither.
      const reach = registry.remote && { registry: registry.remote.state.reach };
      const artifacts = artifactsState();
      const places = { ...reach, ...(artifacts ? { artifacts } : {}) };
      return jsonResponse({ ready: true, model_id: modelId, version, ...places });
    }),
  ];
}
