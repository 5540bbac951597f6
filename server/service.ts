import { batchRoute } from "./batch_route.ts";
import { type Census, createCensus } from "./census.ts";
import { createAccess } from "./access.ts";
import { docsRoutes } from "./docs_routes.ts";
import { type Answer, answerAfterCheck, createApp } from "./app.ts";
import { type Board, createBoard } from "./board.ts";
import type { Crew } from "./crew.ts";
import { createHandler, type Handler } from "./handler.ts";
import { healthRoutes } from "./health_routes.ts";
import { indexRoute } from "./index_route.ts";
import { createLifecycle, type Lifecycle } from "./lifecycle.ts";
import type { Log } from "./log.ts";
import { createModelLibrary } from "./model_library.ts";
import { metricsRoute, type MetricsRouteOptions } from "./metrics_route.ts";
import { modelRoutes } from "./model_routes.ts";
import { openapiRoute } from "./openapi_route.ts";
import { predictRoute } from "./predict_route.ts";
import { rankRoute } from "./rank_route.ts";
import { type Assigning, createProduction, type Production } from "./production.ts";
import { foreignRoutes } from "./protocols/foreign_routes.ts";
import type { VertexPaths } from "./protocols/vertex.ts";
import { createRefusals, type Refusals } from "./refusals.ts";
import { registryRoutes } from "./registry_routes.ts";
import { createRequestLog, type RequestLogMode } from "./request_log.ts";
import type { Route } from "./route.ts";
import { emptySlot, type ModelSlot } from "./serving_model.ts";
import { type Snapshot, takeSnapshot } from "./snapshot.ts";
import type { Unloads } from "./unloads.ts";
import type { Registry } from "../pipeline/model/registry.ts";
import { openRegistry } from "../pipeline/model/sqlite_registry.ts";
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
  /** Another registry than the one in the data folder. */
  readonly registry?: Registry;
  /** Threads that answer beside this one, and what they see. */
  readonly crew?: Crew;
  readonly board?: Board;
  /** What all threads have counted. */
  readonly census?: Census;
}

/** What answers requests in one thread. */
export interface ThreadService {
  readonly routes: readonly Route[];
  readonly app: ReturnType<typeof createApp>;
  readonly handler: Handler;
  readonly refusals: Refusals;
  readonly storedRows: StoredRows;
  /** What this thread has counted. */
  readonly snapshot: () => Snapshot;
  /** Writes what was counted and not yet written, and lets go of the store. */
  readonly close: () => void;
}

/** All of the server but its port: a request goes in, a response comes out. */
export interface Service extends ThreadService {
  readonly registry: Registry;
  readonly slot: ModelSlot;
  readonly production: Production;
  readonly lifecycle: Lifecycle;
  /** The check of who may write. */
  readonly admit: (request: Request, client: string) => void;
}

/** How long a request waits for a registry to which another process writes. */
export const registryPatienceMs = 2_000;

/** The service of the thread that owns the store. */
export function createService(options: ServiceOptions): Service {
  const { dataDir, modelsDir, token, insecure, log, logRequests = "none", crew } = options;
  const { registry = openRegistry(dataDir, { patienceMs: registryPatienceMs }), census = createCensus() } =
    options;
  const slot = emptySlot();
  const lifecycle = createLifecycle(options.board ?? createBoard());
  const access = createAccess({ token, insecure });
  const production = createProduction({ modelsDir, registry, slot, log, ...crew ? { crew } : {} });
  const collect = async () => {
    const others = await crew?.collect() ?? [];
    census.report("own", service.snapshot());
    const inFlight = others.reduce((sum, numbers) => sum + numbers.inFlight, lifecycle.inFlight);
    return { ...census.total(), inFlight };
  };
  const service: ThreadService = assembleService({
    dataDir,
    modelsDir,
    slot,
    lifecycle,
    log,
    logRequests,
    visitStore: createVisits(dataDir),
    registry,
    production,
    collect,
    answer: answerAfterCheck(access),
    guarded: token !== undefined,
    vertex: options.vertex,
    unloads: options.unloads,
  });
  return { ...service, registry, slot, production, lifecycle, admit: access.checkWrite };
}

/** What a thread's service is made of. */
export interface ThreadServiceOptions {
  readonly dataDir: string;
  readonly modelsDir: string;
  readonly slot: ModelSlot;
  readonly lifecycle: Lifecycle;
  readonly log: Log;
  readonly logRequests: RequestLogMode;
  readonly visitStore: VisitStore;
  readonly registry: Registry;
  readonly production: Assigning;
  /** What all threads have counted, and their requests in flight. */
  readonly collect: MetricsRouteOptions["collect"];
  readonly answer: Answer;
  /** Writes need a token. */
  readonly guarded: boolean;
  /** Paths that Vertex AI asks. */
  readonly vertex: VertexPaths | undefined;
  readonly unloads: Unloads | undefined;
}

/** The table of routes and what answers by it: the same in every thread. */
export function assembleService(options: ThreadServiceOptions): ThreadService {
  const { dataDir, modelsDir, slot, lifecycle, log, logRequests, visitStore, registry, production } = options;
  const { collect, answer, guarded, vertex, unloads } = options;
  const storedRows = createStoredRows(dataDir);
  const traffic = createTraffic();
  const library = createModelLibrary({ modelsDir, slot, registry, unloads });
  const own: readonly Route[] = [
    indexRoute(slot, () => routes),
    ...docsRoutes(),
    openapiRoute({ slot, routes: () => routes, guarded }),
    predictRoute(slot, storedRows),
    batchRoute({ slot, storedRows, lifecycle }),
    whatIfRoute({ slot, storedRows }),
    rankRoute({ slot, storedRows }),
    ...modelRoutes({ slot, production, registry }),
    ...registryRoutes(registry),
    ...healthRoutes({ slot, lifecycle }),
    metricsRoute({ slot, visitStore, registry, collect }),
  ];
  const routes = [
    ...own,
    ...foreignRoutes({ library, slot, lifecycle, others: own, vertex }),
  ];
  const refusals = createRefusals(log);
  const app = createApp(routes, answer);
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
  const snapshot = () => takeSnapshot({ traffic, tallies: slot.tallies });
  const close = () => {
    refusals.flush();
    storedRows.close();
  };
  return { routes, app, handler, refusals, storedRows, snapshot, close };
}
