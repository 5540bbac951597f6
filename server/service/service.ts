import { batchRoute } from "../routes/batch.ts";
import { createAdminAuth } from "../http/admin_auth.ts";
import { docsRoutes } from "../routes/docs.ts";
import { type Answer, answerAfterCheck, createRouter } from "../http/router.ts";
import { type ArtifactsState, createSharedState, type SharedState } from "../runtime/shared_state.ts";
import type { ModelBroadcast } from "../models/model_broadcast.ts";
import { createHandler, type Handler } from "./handler.ts";
import { healthRoutes } from "../routes/health.ts";
import { indexRoute } from "../routes/index.ts";
import { createLifecycle, type Lifecycle } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { createLastAssignment, type LastAssignment } from "../models/last_assignment.ts";
import { createModelRepository } from "../models/model_repository.ts";
import { metricsRoute, type MetricsRouteOptions } from "../routes/metrics.ts";
import { modelReportRoute } from "../routes/model_report.ts";
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
import type { ArtifactStore } from "../../pipeline/model/artifact.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import { openArtifacts } from "../../pipeline/model/open_artifacts.ts";
import type { RegistryPatience } from "../../pipeline/model/open_registry.ts";
import { openRegistry } from "../../pipeline/model/sqlite_registry.ts";
import { createStoreAccess, type WithStore } from "../models/store_access.ts";
import { createStoredRows, type StoredRows } from "../scoring/stored_rows.ts";
import { whatIfRoute } from "../routes/what_if.ts";
import { createRequestCounters } from "../metrics/request_counters.ts";

export interface ServiceOptions {
  readonly dataDir: string;
  readonly modelsDir: string;
  /** The token that writes must send as `Authorization: Bearer …`. */
  readonly token: string | undefined;
  /** Writes without a token are open to other machines. */
  readonly insecure: boolean;
  readonly log: Log;
  /** Paths that Vertex AI calls. */
  readonly vertex?: VertexPaths | undefined;
  /** Which requests are logged, one line each. */
  readonly logRequests?: RequestLogMode;
  /** Shared with the workers, if there are any. */
  readonly unloadedModels?: UnloadedModels | undefined;
  /** Replaces the registry of the data folder. */
  readonly registry?: Registry;
  /** The worker threads. */
  readonly pool?: ModelBroadcast & { collect(): Promise<WorkerStats[]> };
  readonly sharedState?: SharedState;
  /** Sums the counts of all threads. */
  readonly aggregator?: MetricsAggregator;
}

/** Answers requests in one thread. */
export interface ThreadService {
  readonly routes: readonly Route[];
  readonly router: ReturnType<typeof createRouter>;
  readonly handler: Handler;
  readonly rejectionLog: RejectionLog;
  readonly storedRows: StoredRows;
  /** Returns the counts of this thread. */
  readonly snapshot: () => Snapshot;
  /** Writes the counts of the rejection log, and closes the store. */
  readonly close: () => void;
}

/** The server without its port. */
export interface Service extends ThreadService {
  readonly artifacts: ArtifactStore;
  readonly registry: Registry;
  readonly slot: ModelSlot;
  readonly production: ProductionModel;
  readonly lifecycle: Lifecycle;
  readonly lastAssignment: LastAssignment | undefined;
  /** As `AdminAuth.authorizeWrite`. */
  readonly authorizeWrite: (request: Request, client: string) => void;
}

/**
 * How long a request waits for a registry that does not answer, or to which another process writes. What follows a registry reads it
 * twice, and has to be done within two seconds of its return.
 */
export const registryPatience: RegistryPatience = { readMs: 1_000, changeMs: 2_000 };

/** Creates the service of the primary thread. */
export function createService(options: ServiceOptions): Service {
  const { dataDir, modelsDir, token, insecure, log, logRequests = "none", pool } = options;
  const {
    registry = openRegistry(dataDir, { patienceMs: registryPatience.changeMs }),
    aggregator = createMetricsAggregator(),
  } = options;
  const artifacts = openArtifacts({ data: dataDir, models: modelsDir });
  const slot = createModelSlot();
  const { sharedState = createSharedState() } = options;
  const lifecycle = createLifecycle(sharedState);
  const adminAuth = createAdminAuth({ token, insecure });
  const broadcast = pool ? { broadcast: pool } : {};
  const lastAssignment = registry.remote &&
    createLastAssignment({ dataDir, place: registry.remote.place, log });
  const production = createProductionModel({ artifacts, registry, slot, log, lastAssignment, ...broadcast });
  const collect = async () => {
    const workers = await pool?.collect() ?? [];
    aggregator.update("own", service.snapshot());
    const inFlight = workers.reduce((sum, worker) => sum + worker.inFlight, lifecycle.inFlight);
    return { ...aggregator.total(), inFlight };
  };
  const service: ThreadService = assembleService({
    ...options,
    artifacts,
    artifactsState: () => sharedState.artifacts,
    slot,
    lifecycle,
    logRequests,
    withStore: createStoreAccess(dataDir),
    registry,
    production,
    collect,
    answer: answerAfterCheck(adminAuth),
    guarded: token !== undefined,
  });
  return {
    ...service,
    artifacts,
    registry,
    slot,
    production,
    lifecycle,
    lastAssignment,
    authorizeWrite: adminAuth.authorizeWrite,
  };
}

/** The parts of a thread's service. */
export interface ThreadServiceOptions
  extends Pick<ServiceOptions, "dataDir" | "log" | "vertex" | "unloadedModels"> {
  readonly artifacts: ArtifactStore;
  readonly artifactsState: () => ArtifactsState;
  readonly slot: ModelSlot;
  readonly lifecycle: Lifecycle;
  readonly logRequests: RequestLogMode;
  readonly withStore: WithStore;
  readonly registry: Registry;
  readonly production: ModelAssigner;
  /** Returns the counts of all threads, and their requests in flight. */
  readonly collect: MetricsRouteOptions["collect"];
  readonly answer: Answer;
  /** Writes need a token. */
  readonly guarded: boolean;
}

/** Creates the route table and its handler. It is the same in every thread. */
export function assembleService(options: ThreadServiceOptions): ThreadService {
  const { slot, log, production, answer, guarded } = options;
  const storedRows = createStoredRows(options.dataDir);
  const requestCounters = createRequestCounters();
  const ownRoutes: readonly Route[] = [
    indexRoute(slot, () => routes),
    ...docsRoutes(),
    openapiRoute({ slot, routes: () => routes, guarded }),
    predictRoute(slot, storedRows),
    batchRoute({ ...options, storedRows }),
    whatIfRoute(slot, storedRows),
    rankRoute(slot, storedRows),
    ...modelRoutes({ ...options, assigner: production }),
    ...registryRoutes(options.registry),
    modelReportRoute(options),
    ...healthRoutes(options),
    metricsRoute(options),
  ];
  const repository = createModelRepository(options);
  const routes = [
    ...ownRoutes,
    ...protocolRoutes({ ...options, repository, ownRoutes, vertex: options.vertex }),
  ];
  const rejectionLog = createRejectionLog(log);
  const router = createRouter(routes, answer);
  const requestLog = createRequestLog(log, options.logRequests);
  const handler = createHandler({
    ...options,
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
