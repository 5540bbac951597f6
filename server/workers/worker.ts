import { getHeapStatistics } from "node:v8";
import { Failure } from "../../pipeline/failure.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import { openArtifacts } from "../../pipeline/model/open_artifacts.ts";
import { openRegistry } from "../../pipeline/model/sqlite_registry.ts";
import { checkBodyDeadlines } from "../http/body_deadline.ts";
import { drainListener } from "../http/drain.ts";
import { problemResponse } from "../http/problem.ts";
import { isPrimaryOnly } from "../http/route.ts";
import type { Answer } from "../http/router.ts";
import { createLoadedModelCache } from "../models/loaded_model_cache.ts";
import { createStoreAccess } from "../models/store_access.ts";
import { createUnloadedModels } from "../models/unloaded_models.ts";
import { createLifecycle } from "../runtime/lifecycle.ts";
import { type Listener, openListener } from "../runtime/listener.ts";
import type { Log, LogLevel } from "../runtime/log.ts";
import { createSharedState } from "../runtime/shared_state.ts";
import type { Handler } from "../service/handler.ts";
import { assembleService, registryPatience } from "../service/service.ts";
import type { PrimaryApi, WorkerApi, WorkerData } from "./protocol.ts";
import { createForwardedRegistry } from "./forwarded_registry.ts";
import { deserializeResponse, serializeHead, withSerialized } from "./request_forwarding.ts";
import { openRpcPeer, type RpcPeer } from "./rpc.ts";
import { createWorkerModelSlot } from "./worker_model_slot.ts";

/**
 * Answers requests in a worker thread. What concerns the whole process (writes to the store, the token check, the log) is
 * forwarded to the primary thread.
 *
 * @param wrap For tests: wraps the service's handler.
 */
export function runWorker(
  data: WorkerData,
  wrap: (handler: Handler) => Handler = (handler) => handler,
): void {
  const sharedState = createSharedState(data.sharedState);
  const slot = createWorkerModelSlot(sharedState);
  const loadedModels = createLoadedModelCache(slot.counters);
  const lifecycle = createLifecycle(sharedState);
  const heapBytesAtStart = heapBytesMax();
  const primary: RpcPeer<PrimaryApi> = openRpcPeer<WorkerApi, PrimaryApi>(data.port, {
    prepare({ generation, model, content, assignment }) {
      const loaded = content ? loadedModels.add(content) : model && loadedModels.find(model);
      if (model && !loaded) return false;
      slot.prepare(generation, loaded, assignment);
      return true;
    },
    explain({ kind, message }) {
      slot.unavailableReason = new Failure(kind, message);
    },
    listen({ hostname, port }) {
      listener ??= listen(hostname, port);
    },
    collect: () => ({
      inFlight: lifecycle.inFlight,
      snapshot: service.snapshot(),
      outOfMemory: heapBytesMax() > heapBytesAtStart,
    }),
    async drain({ timeoutMs }) {
      const isDrained = !listener || await drainListener(listener, lifecycle, timeoutMs);
      service.close();
      return isDrained;
    },
  });
  const log = logToPrimary(primary);
  const service = assembleService({
    ...data,
    artifacts: openArtifacts({ data: data.dataDir, models: data.modelsDir }),
    artifactsState: () => sharedState.artifacts,
    unloadedModels: createUnloadedModels(data.unloadedModels),
    slot,
    lifecycle,
    log,
    withStore: createStoreAccess(data.dataDir),
    registry: data.registry
      ? createForwardedRegistry(primary, data.registry, primaryOnly)
      : readOnly(openRegistry(data.dataDir, { patienceMs: registryPatience.changeMs })),
    production: { assign: primaryOnly, rollBack: primaryOnly },
    collect: primaryOnly,
    answer: answerOrForward(primary),
  });
  let listener: Listener | undefined;

  function listen(hostname: string, port: number): Listener {
    return openListener({
      hostname,
      port,
      shared: true,
      handler: wrap(service.handler),
      onError(error) {
        service.rejectionLog.record(error, { request_id: "none" });
        return problemResponse(error, "none");
      },
      checkDeadlines: checkBodyDeadlines,
      log,
    });
  }
}

/** The runtime raises this limit when a worker reaches it, and then interrupts the worker. */
function heapBytesMax(): number {
  return getHeapStatistics().heap_size_limit;
}

/** Answers in this worker if the route allows it, and otherwise forwards the request to the primary thread. */
function answerOrForward(primary: RpcPeer<PrimaryApi>): Answer {
  return async (route, context) => {
    if (!isPrimaryOnly(route)) return await route.handle(context);
    // Authorize before reading the body: other senders must not use the quota for write bodies, nor learn of other errors.
    if (route.write) await primary.call("authorizeWrite", serializeHead(context));
    return await withSerialized(
      context,
      async (request) => deserializeResponse(await primary.call("forward", request)),
    );
  };
}

/** The primary thread writes the log: writing from several threads could interleave lines. */
function logToPrimary(primary: RpcPeer<PrimaryApi>): Log {
  const at = (level: LogLevel): Log[LogLevel] => (event, fields = {}) =>
    primary.notify("log", { level, event, fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function readOnly(registry: Registry): Registry {
  const writes = { registerModel: primaryOnly, assign: primaryOnly, upgrade: primaryOnly };
  const notes = { deleteModel: primaryOnly, restoreModel: primaryOnly, setNote: primaryOnly };
  return { ...registry, ...writes, ...notes, setAlias: primaryOnly, removeAlias: primaryOnly };
}

/** The primary thread answers routes that write: only an error in the route table leads here. */
function primaryOnly(): Promise<never> {
  return Promise.reject(new Error("only the primary thread writes to the store: is the route marked?"));
}
