import { Failure } from "../pipeline/failure.ts";
import { yieldToEventLoop } from "../pipeline/runtime/event_loop.ts";
import { createSharedState } from "./runtime/shared_state.ts";
import { createMetricsAggregator } from "./metrics/counters_snapshot.ts";
import { drainListener } from "./http/drain.ts";
import { isLoopback, originOf } from "./runtime/host.ts";
import { openListener } from "./runtime/listener.ts";
import type { PrimaryApi } from "./workers/protocol.ts";
import { problemResponse } from "./http/problem.ts";
import { deserializeRequest, serializeResponse } from "./workers/request_forwarding.ts";
import { createService, type Service, type ServiceOptions } from "./service/service.ts";
import { requireFreePort, sharingFault } from "./runtime/shared_port.ts";
import { createUnloadedModels } from "./models/unloaded_models.ts";
import { settleTables } from "../pipeline/store/store.ts";
import { createWorkerPool, type WorkerPool, type WorkerPoolOptions } from "./workers/worker_pool.ts";

export interface ServerOptions
  extends Omit<ServiceOptions, "pool" | "sharedState" | "aggregator" | "unloadedModels"> {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Threads that answer; where they cannot share a port, there is one all the same. */
  readonly workers: number;
  /** How long to answer all the same, but say "not ready", before no more connections are taken; `stop` may leave it out. */
  readonly drainDelayMs: number;
  /** How long requests in flight may take from then on. */
  readonly drainTimeoutMs: number;
  /** For tests. */
  readonly threads?: Pick<WorkerPoolOptions, "url" | "heartbeatIntervalMs" | "heapMegabytesMax">;
}

export interface Server {
  /** Where it listens, as in http://127.0.0.1:7999. */
  readonly origin: string;
  readonly hostname: string;
  readonly port: number;
  /** The model that answers, if any. */
  readonly modelId: string | undefined;
  /** Resolves when all threads answer, or have been lost. */
  readonly complete: Promise<void>;
  /** Resolves where the server goes on, but should be ended and started again. */
  readonly broken: Promise<Failure>;
  /** Finishes what is in flight, and returns when the drain's time is over at the latest. */
  stop(options?: { readonly withoutDelay?: boolean }): Promise<void>;
}

/**
 * Loads the model in production, then listens, in as many threads as are asked for. This one owns the store, and is one of
 * them.
 *
 * @throws {Failure} `address-unusable`; `usage-invalid` where writes would be open to other machines.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  requireGuard(options);
  const sharedState = createSharedState();
  const aggregator = createMetricsAggregator();
  const unloadedModels = createUnloadedModels();
  const fault = options.workers > 1 ? sharingFault() : undefined;
  if (fault !== undefined) options.log.warn("one thread answers", { asked: options.workers, detail: fault });
  const crew = options.workers > 1 && fault === undefined
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
    ...crew ? { pool: crew } : {},
  });
  try {
    return await open(service, crew, options);
  } catch (error) {
    await crew?.terminate();
    throw error;
  }
}

/** What other threads can ask of this one's service. */
function handlersOf(service: () => Service): Omit<PrimaryApi, "log"> {
  return {
    async forward(request) {
      const { requestId, client } = request;
      return serializeResponse(
        await service().router.fetch(deserializeRequest(request), { requestId, client }),
      );
    },
    authorizeWrite: (head) => service().authorizeWrite(deserializeRequest(head), head.client),
  };
}

async function open(
  service: Service,
  crew: WorkerPool | undefined,
  options: ServerOptions,
): Promise<Server> {
  const { dataDir, hostname, token, insecure, log, drainDelayMs, drainTimeoutMs } = options;
  const { registry, production, slot, lifecycle, rejectionLog } = service;
  if (crew) requireFreePort(options);
  await production.sync();
  const listener = openListener({
    hostname,
    port: options.port,
    shared: crew !== undefined,
    handler: service.handler,
    // The handler answers its own failures: what comes here is a response that the runtime could not send.
    onError(error) {
      rejectionLog.record(error, { request_id: "none" });
      return problemResponse(error, "none");
    },
    log,
  });
  // This thread answers already: it does not wait for the others, which take longer to start than it did.
  const complete = complement();
  const watch = registry.watch(production.sync);
  const origin = originOf(listener.hostname, listener.port);
  const modelId = slot.current?.modelId;
  log.info("listening", {
    url: origin,
    model_id: modelId ?? null,
    writes: guardText(token, insecure),
  });
  if (!slot.current) log.warn("not ready", { detail: slot.unavailableReason.message });

  async function complement(): Promise<void> {
    if (!crew) return;
    // To make a thread takes this one 20 ms: what is there to be said and answered comes first.
    await yieldToEventLoop();
    if (lifecycle.draining) return;
    await crew.start({ hostname, port: listener.port, production, slot });
    if (!lifecycle.draining) log.info("threads answer", { workers: 1 + crew.size });
  }

  async function drain(delayMs: number): Promise<void> {
    lifecycle.draining = true;
    watch.stop();
    log.info("draining", { delay_ms: delayMs, timeout_ms: drainTimeoutMs });
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const ended = await Promise.all([
      drainListener(listener, lifecycle, drainTimeoutMs),
      crew?.drain(drainTimeoutMs) ?? true,
    ]);
    if (!ended.every(Boolean)) log.warn("drain ended early", { detail: "some connections were still busy" });
    service.close();
    // This server's lookups may have kept a load from doing it.
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
    broken: crew?.unresponsive ?? new Promise(() => {}),
    stop: ({ withoutDelay = false } = {}) => stopped ??= drain(withoutDelay ? 0 : drainDelayMs),
  };
}

/** @throws {Failure} `usage-invalid` */
function requireGuard({ hostname, token, insecure }: ServerOptions): void {
  if (isLoopback(hostname) || token !== undefined || insecure) return;
  throw unguarded(hostname);
}

/** Writes would be open to other machines. */
export function unguarded(hostname: string): Failure {
  return new Failure(
    "usage-invalid",
    `On ${hostname} other machines could change the model in production. Set CLICKWELL_ADMIN_TOKEN (or the file ` +
      "CLICKWELL_ADMIN_TOKEN_FILE), listen on 127.0.0.1, or accept it with --insecure.",
  );
}

function guardText(token: string | undefined, insecure: boolean): string {
  return token !== undefined
    ? "with the admin token"
    : insecure
    ? "open to everyone"
    : "open on this machine";
}
