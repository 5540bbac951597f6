import { Failure, usageInvalid } from "../pipeline/failure.ts";
import { yieldToEventLoop } from "../pipeline/runtime/event_loop.ts";
import { createSharedState, type SharedState } from "./runtime/shared_state.ts";
import { createMetricsAggregator } from "./metrics/counters_snapshot.ts";
import { checkBodyDeadlines } from "./http/body_deadline.ts";
import { drainListener } from "./http/drain.ts";
import { isLoopback, originOf } from "./runtime/host.ts";
import { openListener } from "./runtime/listener.ts";
import type { PrimaryApi } from "./workers/protocol.ts";
import { problemResponse } from "./http/problem.ts";
import { deserializeRequest, serializeResponse } from "./workers/request_forwarding.ts";
import { registryReadsOf } from "./workers/forwarded_registry.ts";
import { createService, type Service, type ServiceOptions } from "./service/service.ts";
import type { Log } from "./runtime/log.ts";
import { requireFreePort, sharingFault } from "./runtime/shared_port.ts";
import { watchArtifacts } from "./models/artifact_watch.ts";
import { createUnloadedModels } from "./models/unloaded_models.ts";
import { settleTables } from "../pipeline/store/store.ts";
import { createWorkerPool, type WorkerPool, type WorkerPoolOptions } from "./workers/worker_pool.ts";

export interface ServerOptions
  extends Omit<ServiceOptions, "pool" | "sharedState" | "aggregator" | "unloadedModels"> {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Number of threads that serve requests, including the primary thread; only one if threads cannot share a port. */
  readonly workers: number;
  /** Time to keep serving while reporting "not ready", before connections are no longer accepted. `stop` may skip it. */
  readonly drainDelayMs: number;
  /** Time that requests in flight may take after that. */
  readonly drainTimeoutMs: number;
  /** For tests. */
  readonly threads?: Pick<WorkerPoolOptions, "url" | "heartbeatIntervalMs" | "heapMegabytesMax">;
}

export interface Server {
  /** For example http://127.0.0.1:7999. */
  readonly origin: string;
  readonly hostname: string;
  readonly port: number;
  /** The active model, if any. */
  readonly modelId: string | undefined;
  /** Resolves when each thread listens or has been lost. */
  readonly complete: Promise<void>;
  /** Resolves if the server keeps running but should be restarted. */
  readonly broken: Promise<Failure>;
  /** Finishes requests in flight; returns after `drainDelayMs` and `drainTimeoutMs` at the latest. */
  stop(options?: { readonly withoutDelay?: boolean }): Promise<void>;
}

/**
 * Loads the active model and starts listening on `workers` threads. The calling thread is the primary: it owns the store and
 * also serves requests.
 *
 * @throws {Failure} `address-unusable`; `usage-invalid` if writes would be open to other machines.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  requireGuard(options);
  const sharedState = createSharedState();
  const aggregator = createMetricsAggregator();
  const unloadedModels = createUnloadedModels();
  const remote = options.registry?.remote;
  const fault = options.workers > 1 ? sharingFault() : undefined;
  if (fault !== undefined) options.log.warn("one thread answers", { asked: options.workers, detail: fault });
  const pool = options.workers > 1 && fault === undefined
    ? createWorkerPool({
      ...options.threads,
      size: options.workers - 1,
      sharedState,
      log: options.log,
      aggregator,
      data: {
        dataDir: options.dataDir,
        modelsDir: options.modelsDir,
        guarded: options.token !== undefined,
        vertex: options.vertex,
        unloadedModels: unloadedModels.memory,
        registry: remote && { place: remote.place, state: remote.state.memory },
        logRequests: options.logRequests ?? "none",
      },
      handlers: handlersOf(() => service),
    })
    : undefined;
  const service = createService({
    ...options,
    sharedState,
    aggregator,
    unloadedModels,
    ...pool ? { pool } : {},
  });
  try {
    return await open(service, pool, { ...options, sharedState });
  } catch (error) {
    await pool?.terminate();
    throw error;
  }
}

/** Handles the calls of workers. */
function handlersOf(service: () => Service): Omit<PrimaryApi, "log"> {
  return {
    async forward(request) {
      const { requestId, client } = request;
      return serializeResponse(
        await service().router.fetch(deserializeRequest(request), { requestId, client }),
      );
    },
    ...registryReadsOf(() => service().registry),
    authorizeWrite: (head) => service().authorizeWrite(deserializeRequest(head), head.client),
  };
}

async function open(
  service: Service,
  pool: WorkerPool | undefined,
  options: ServerOptions & { readonly sharedState: SharedState },
): Promise<Server> {
  const { dataDir, hostname, token, insecure, log, drainDelayMs, drainTimeoutMs } = options;
  const { artifacts, registry, production, slot, lifecycle, rejectionLog, lastAssignment } = service;
  if (pool) requireFreePort(options);
  await production.sync();
  const listener = openListener({
    hostname,
    port: options.port,
    shared: pool !== undefined,
    handler: service.handler,
    // The handler answers its own failures. This error is of a response that the runtime could not send.
    onError(error) {
      rejectionLog.record(error, { request_id: "none" });
      return problemResponse(error, "none");
    },
    checkDeadlines: checkBodyDeadlines,
    log,
  });
  // This thread serves requests already: do not wait for the workers, which take longer to start.
  const complete = startWorkers();
  const watch = registry.watch(production.sync, (failure) => reportReach(log, failure));
  const artifactWatch = watchArtifacts(artifacts, options.sharedState, log);
  const origin = originOf(listener.hostname, listener.port);
  const modelId = slot.current?.modelId;
  log.info("listening", { url: origin, model_id: modelId ?? null, writes: guardText(token, insecure) });
  if (!slot.current) log.warn("not ready", { detail: slot.unavailableReason.message });

  async function startWorkers(): Promise<void> {
    if (!pool) return;
    // Spawning a worker blocks this thread for 20 ms: log and serve pending requests first.
    await yieldToEventLoop();
    if (lifecycle.draining) return;
    await pool.start({ hostname, port: listener.port, production, slot });
    if (!lifecycle.draining) log.info("threads answer", { workers: 1 + pool.size });
  }

  async function drain(delayMs: number): Promise<void> {
    lifecycle.draining = true;
    const watches = [watch.stop(), artifactWatch.stop()];
    log.info("draining", { delay_ms: delayMs, timeout_ms: drainTimeoutMs });
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const drained = await Promise.all([
      drainListener(listener, lifecycle, drainTimeoutMs),
      pool?.drain(drainTimeoutMs) ?? true,
    ]);
    if (!drained.every(Boolean)) {
      log.warn("drain ended early", { detail: "some connections were still busy" });
    }
    service.close();
    artifacts.close?.();
    await Promise.all([registry.close(), lastAssignment?.settled(), ...watches]);
    // The server's lookups may have prevented a load from settling the tables.
    settleTables(dataDir);
    log.info("stopped");
  }

  let stopped: Promise<void> | undefined;
  return {
    origin,
    hostname: listener.hostname,
    port: listener.port,
    modelId,
    complete,
    broken: pool?.unresponsive ?? new Promise(() => {}),
    stop: ({ withoutDelay = false } = {}) => stopped ??= drain(withoutDelay ? 0 : drainDelayMs),
  };
}

/** @throws {Failure} `usage-invalid` */
function requireGuard({ hostname, token, insecure }: ServerOptions): void {
  if (isLoopback(hostname) || token !== undefined || insecure) return;
  throw unguarded(hostname);
}

/** The failure of a server whose writes would be open to other machines. */
export function unguarded(hostname: string): Failure {
  return usageInvalid(
    `On ${hostname} other machines could change the model in production. Set CLICKWELL_ADMIN_TOKEN (or the file ` +
      "CLICKWELL_ADMIN_TOKEN_FILE), listen on 127.0.0.1, or accept it with --insecure.",
  );
}

/** Logs that a registry elsewhere can no longer be read, or can be again. */
function reportReach(log: Log, failure: Failure | undefined): void {
  if (failure) log.warn("registry unreachable", { kind: failure.kind, detail: failure.message });
  else log.info("registry reachable");
}

function guardText(token: string | undefined, insecure: boolean): string {
  return token !== undefined
    ? "with the admin token"
    : insecure
    ? "open to everyone"
    : "open on this machine";
}
