import process from "node:process";
import { commit, version } from "../../pipeline/version.ts";
import { exposition, expositionType } from "../metrics/prometheus_text.ts";
import { metricFamilies } from "../metrics/metric_families.ts";
import type { Route } from "../http/route.ts";
import type { ArtifactsState } from "../runtime/shared_state.ts";
import type { ModelSlot } from "../models/loaded_model.ts";
import type { Snapshot } from "../metrics/counters_snapshot.ts";
import { createStoreFacts } from "../models/store_facts.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import type { WithStore } from "../models/store_access.ts";

export interface MetricsRouteOptions {
  readonly slot: ModelSlot;
  readonly withStore: WithStore;
  readonly registry: Registry;
  readonly artifactsState: () => ArtifactsState;
  /** Returns the counters of all threads, added up, and their requests in flight. */
  readonly collect: () => Promise<Snapshot & { readonly inFlight: number }>;
}

/** Returns `GET /metrics`, for Prometheus. The text is written per request; until then, numbers are only counted. */
export function metricsRoute(
  { slot, withStore, registry, artifactsState, collect }: MetricsRouteOptions,
): Route {
  const storeFacts = createStoreFacts({ withStore, registry });
  return {
    method: "GET",
    path: "/metrics",
    summary: "counters and histograms for Prometheus",
    primary: true,
    operation: {
      id: "metrics",
      tag: "operation",
      description: "Counters and histograms of the whole process in Prometheus' text format.",
      schemas: () => ({ answer: { "text/plain": { type: "string" } } }),
    },
    async handle() {
      const model = slot.current;
      const [snapshot, store] = await Promise.all([collect(), storeFacts(model?.modelId)]);
      const { user, system } = process.cpuUsage();
      const families = metricFamilies(snapshot, {
        version,
        commit,
        deno: Deno.version.deno,
        model,
        trainedAt: store.trainedAt,
        storeRows: store.rows,
        registry: registry.remote?.state,
        artifactsReachable: artifactsState() !== "unreachable",
        inFlight: snapshot.inFlight,
        cpuSeconds: (user + system) / 1e6,
        residentBytes: Deno.memoryUsage().rss,
        startedAt: performance.timeOrigin / 1000,
      });
      return new Response(exposition(families), { headers: { "content-type": expositionType } });
    },
  };
}
