import { batchRoute } from "./batch_route.ts";
import { createCensus } from "./census.ts";
import { createAccess } from "./access.ts";
import { createApp } from "./app.ts";
import { docsRoutes } from "./docs_routes.ts";
import { createHandler, type Handler } from "./handler.ts";
import { healthRoutes } from "./health_routes.ts";
import { indexRoute } from "./index_route.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Log } from "./log.ts";
import { createModelLibrary } from "./model_library.ts";
import { metricsRoute } from "./metrics_route.ts";
import { modelRoutes } from "./model_routes.ts";
import { openapiRoute } from "./openapi_route.ts";
import { predictRoute } from "./predict_route.ts";
import { rankRoute } from "./rank_route.ts";
import { createProduction, type Production } from "./production.ts";
import { foreignRoutes } from "./protocols/foreign_routes.ts";
import type { VertexPaths } from "./protocols/vertex.ts";
import { createRefusals, type Refusals } from "./refusals.ts";
import { registryRoutes } from "./registry_routes.ts";
import { createRequestLog, type RequestLogMode } from "./request_log.ts";
import type { Route } from "./route.ts";
import { emptySlot, type ModelSlot } from "./serving_model.ts";
import { takeSnapshot } from "./snapshot.ts";
import type { Unloads } from "./unloads.ts";
import { createVisits, type VisitStore } from "./store_visit.ts";
import { createStoredRows, type StoredRows } from "./stored_rows.ts";
import { whatIfRoute } from "./what_if_route.ts";
import { createTraffic } from "./traffic.ts";

export interface ServiceOptions {
  readonly dataDir: string;
  readonly modelsDir: string;
  /** What writes must send as `Authorization: Bearer …`. */
  readonly token: string | undefined;
  /** Writes are open to other machines without a token. */
  readonly insecure: boolean;
  readonly log: Log;
  /** Paths that Vertex AI asks. */
  readonly vertex?: VertexPaths | undefined;
  /** Which requests get a line of their own in the log. */
  readonly logRequests?: RequestLogMode;
  /** Which models were unloaded, where other threads answer beside this one. */
  readonly unloads?: Unloads | undefined;
  /** Another way to the store than by its folder. */
  readonly visitStore?: VisitStore;
}

/** All of the server but its port: a request goes in, a response comes out. */
export interface Service {
  readonly routes: readonly Route[];
  readonly handler: Handler;
  readonly slot: ModelSlot;
  readonly production: Production;
  readonly lifecycle: Lifecycle;
  readonly refusals: Refusals;
  readonly storedRows: StoredRows;
}

export function createService(options: ServiceOptions): Service {
  const { dataDir, modelsDir, token, insecure, log, logRequests = "none" } = options;
  const { visitStore = createVisits(dataDir) } = options;
  const slot = emptySlot();
  const lifecycle = { draining: false, inFlight: 0 };
  const production = createProduction({ modelsDir, visitStore, slot, log });
  const storedRows = createStoredRows(dataDir);
  const traffic = createTraffic();
  const census = createCensus();
  const collect = () => {
    census.report("own", takeSnapshot({ traffic, tallies: slot.tallies }));
    return census.total();
  };
  const library = createModelLibrary({ dataDir, modelsDir, slot, visitStore, unloads: options.unloads });
  const own: readonly Route[] = [
    indexRoute(slot, () => routes),
    ...docsRoutes(),
    openapiRoute({ slot, routes: () => routes, guarded: token !== undefined }),
    predictRoute(slot, storedRows),
    batchRoute({ slot, storedRows, lifecycle }),
    whatIfRoute({ slot, storedRows }),
    rankRoute({ slot, storedRows }),
    ...modelRoutes({ slot, production, visitStore }),
    ...registryRoutes(visitStore),
    ...healthRoutes({ slot, lifecycle }),
    metricsRoute({ slot, lifecycle, visitStore, collect }),
  ];
  const routes = [
    ...own,
    ...foreignRoutes({ library, slot, lifecycle, others: own, vertex: options.vertex }),
  ];
  const refusals = createRefusals(log);
  const app = createApp(routes, createAccess({ token, insecure }));
  const requestLog = createRequestLog(log, logRequests);
  const handler = createHandler({
    slot,
    lifecycle,
    refusals,
    traffic,
    requestLog,
    storedRows,
    routes,
    app,
  });
  return { routes, handler, slot, production, lifecycle, refusals, storedRows };
}
