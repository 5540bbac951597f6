import { batchRoute } from "../routes/batch.ts";
import { createAdminAuth } from "../http/admin_auth.ts";
import { docsRoutes } from "../routes/docs.ts";
import { type Answer, answerAfterCheck, createRouter } from "../http/router.ts";
import { createSharedState, type SharedState } from "../runtime/shared_state.ts";
import type { ModelBroadcast } from "../models/model_broadcast.ts";
import { createHandler, type Handler } from "./handler.ts";
import { healthRoutes } from "../routes/health.ts";
import { indexRoute } from "../routes/index.ts";
import { createLifecycle, type Lifecycle } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { createModelRepository } from "../models/model_repository.ts";
import { metricsRoute, type MetricsRouteOptions } from "../routes/metrics.ts";
import { modelRoutes } from "../routes/production_model.ts";
import { openapiRoute } from "../routes/openapi.ts";
import { predictRoute } from "../routes/predict.ts";
import { rankRoute } from "../routes/rank.ts";
import {
  createProductionModel,
  type ModelAssigner,
  type ProductionModel,
} from "../models/production_model.ts";
import { protocolRoutes } from "../protocols/protocol_routes.ts";
import type { VertexPaths } from "../protocols/vertex.ts";
import { createRejectionLog, type RejectionLog } from "../http/rejection_log.ts";
import { registryRoutes } from "../routes/models.ts";
import { createRequestLog, type RequestLogMode } from "../http/request_log.ts";
import type { Route } from "../http/route.ts";
import { createModelSlot, type ModelSlot } from "../models/loaded_model.ts";
import {
  createMetricsAggregator,
  type MetricsAggregator,
  type Snapshot,
  takeSnapshot,
  type WorkerStats,
} from "../metrics/counters_snapshot.ts";
import type { UnloadedModels } from "../models/unloaded_models.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import { openRegistry } from "../../pipeline/model/sqlite_registry.ts";
import { createStoreAccess, type WithStore } from "../models/store_access.ts";
import { createStoredRows, type StoredRows } from "../scoring/stored_rows.ts";
import { whatIfRoute } from "../routes/what_if.ts";
import { createRequestCounters } from "../metrics/request_counters.ts";

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
  readonly unloadedModels?: UnloadedModels | undefined;
  /** Another registry than the one in the data folder. */
  readonly registry?: Registry;
  /** Threads that answer beside this one, and what they see. */
  readonly pool?: ModelBroadcast & { collect(): Promise<WorkerStats[]> };
  readonly sharedState?: SharedState;
  /** What all threads have counted. */
  readonly aggregator?: MetricsAggregator;
}

/** What answers requests in one thread. */
export interface ThreadService {
  readonly routes: readonly Route[];
  readonly router: ReturnType<typeof createRouter>;
  readonly handler: Handler;
  readonly rejectionLog: RejectionLog;
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
  readonly production: ProductionModel;
  readonly lifecycle: Lifecycle;
  /** The check of who may write. */
  readonly authorizeWrite: (request: Request, client: string) => void;
}

/** How long a request waits for a registry to which another process writes. */
export const registryPatienceMs = 2_000;

/** The service of the thread that owns the store. */
export function createService(options: ServiceOptions): Service {
  const { dataDir, modelsDir, token, insecure, log, logRequests = "none", pool } = options;
  const {
    registry = openRegistry(dataDir, { patienceMs: registryPatienceMs }),
    aggregator = createMetricsAggregator(),
  } = options;
  const slot = createModelSlot();
  const lifecycle = createLifecycle(options.sharedState ?? createSharedState());
  const access = createAdminAuth({ token, insecure });
  const production = createProductionModel({
    modelsDir,
    registry,
    slot,
    log,
    ...pool ? { broadcast: pool } : {},
  });
  const collect = async () => {
    const others = await pool?.collect() ?? [];
    aggregator.update("own", service.snapshot());
    const inFlight = others.reduce((sum, numbers) => sum + numbers.inFlight, lifecycle.inFlight);
    return { ...aggregator.total(), inFlight };
  };
  const service: ThreadService = assembleService({
    dataDir,
    modelsDir,
    slot,
    lifecycle,
    log,
    logRequests,
    withStore: createStoreAccess(dataDir),
    registry,
    production,
    collect,
    answer: answerAfterCheck(access),
    guarded: token !== undefined,
    vertex: options.vertex,
    unloadedModels: options.unloadedModels,
  });
  return { ...service, registry, slot, production, lifecycle, authorizeWrite: access.authorizeWrite };
}

/** What a thread's service is made of. */
export interface ThreadServiceOptions {
  readonly dataDir: string;
  readonly modelsDir: string;
  readonly slot: ModelSlot;
  readonly lifecycle: Lifecycle;
  readonly log: Log;
  readonly logRequests: RequestLogMode;
  readonly withStore: WithStore;
  readonly registry: Registry;
  readonly production: ModelAssigner;
  /** What all threads have counted, and their requests in flight. */
  readonly collect: MetricsRouteOptions["collect"];
  readonly answer: Answer;
  /** Writes need a token. */
  readonly guarded: boolean;
  /** Paths that Vertex AI asks. */
  readonly vertex: VertexPaths | undefined;
  readonly unloadedModels: UnloadedModels | undefined;
}

/** The table of routes and what answers by it: the same in every thread. */
export function assembleService(options: ThreadServiceOptions): ThreadService {
  const {
    dataDir,
    modelsDir,
    slot,
    lifecycle,
    log,
    logRequests,
    withStore,
    registry,
    production,
  } = options;
  const { collect, answer, guarded, vertex, unloadedModels } = options;
  const storedRows = createStoredRows(dataDir);
  const requestCounters = createRequestCounters();
  const repository = createModelRepository({ modelsDir, slot, registry, unloadedModels });
  const own: readonly Route[] = [
    indexRoute(slot, () => routes),
    ...docsRoutes(),
    openapiRoute({ slot, routes: () => routes, guarded }),
    predictRoute(slot, storedRows),
    batchRoute({ slot, storedRows, lifecycle }),
    whatIfRoute({ slot, storedRows }),
    rankRoute({ slot, storedRows }),
    ...modelRoutes({ slot, assigner: production, registry }),
    ...registryRoutes(registry),
    ...healthRoutes({ slot, lifecycle }),
    metricsRoute({ slot, withStore, registry, collect }),
  ];
  const routes = [
    ...own,
    ...protocolRoutes({ repository, slot, lifecycle, ownRoutes: own, vertex }),
  ];
  const rejectionLog = createRejectionLog(log);
  const router = createRouter(routes, answer);
  const requestLog = createRequestLog(log, logRequests);
  const handler = createHandler({
    slot,
    lifecycle,
    rejectionLog,
    requestCounters,
    requestLog,
    storedRows,
    routes,
    router,
  });
  const snapshot = () => takeSnapshot({ requests: requestCounters, models: slot.counters });
  const close = () => {
    rejectionLog.flush();
    storedRows.close();
  };
  return { routes, router, handler, rejectionLog, storedRows, snapshot, close };
}
