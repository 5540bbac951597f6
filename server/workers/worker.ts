import { getHeapStatistics } from "node:v8";
import type { MessagePort } from "node:worker_threads";
import { Failure, type FailureKind } from "../../pipeline/failure.ts";
import type { Assignment, Registry } from "../../pipeline/model/registry.ts";
import { openRegistry } from "../../pipeline/model/sqlite_registry.ts";
import type { Answer } from "../http/router.ts";
import { createSharedState } from "../runtime/shared_state.ts";
import { openRpcPeer, type RpcPeer } from "./rpc.ts";
import { drainListener } from "../http/drain.ts";
import type { Handler } from "../service/handler.ts";
import { createLifecycle } from "../runtime/lifecycle.ts";
import { type Listener, openListener } from "../runtime/listener.ts";
import type { Log, LogLevel } from "../runtime/log.ts";
import type { PrimaryApi } from "./worker_handle.ts";
import { createLoadedModelCache } from "../models/loaded_model_cache.ts";
import { problemResponse } from "../http/problem.ts";
import { deserializeResponse, headOf, withSerialized } from "./request_forwarding.ts";
import type { VertexPaths } from "../protocols/vertex.ts";
import type { RequestLogMode } from "../http/request_log.ts";
import { isPrimaryOnly } from "../http/route.ts";
import { assembleService, registryPatienceMs } from "../service/service.ts";
import type { ModelContent, ModelName } from "../models/loaded_model.ts";
import type { WorkerStats } from "../metrics/counters_snapshot.ts";
import { createStoreAccess } from "../models/store_access.ts";
import { createWorkerModelSlot } from "./worker_model_slot.ts";
import { createUnloadedModels } from "../models/unloaded_models.ts";

/** What a thread is started with. */
export interface WorkerData {
  readonly dataDir: string;
  readonly modelsDir: string;
  readonly vertex: VertexPaths | undefined;
  readonly logRequests: RequestLogMode;
  /** Writes need a token. */
  readonly guarded: boolean;
  readonly sharedState: SharedArrayBuffer;
  readonly unloads: SharedArrayBuffer;
  /** To the thread that owns the store. When it closes there, this thread has ended. */
  readonly port: MessagePort;
}

/** What a thread can be asked. */
export interface WorkerApi {
  /**
   * Makes a model ready, aside, for a generation of the board; none where there is no `model`.
   *
   * @returns False where the model is not known here: then it has to be asked again, with its content.
   */
  prepare(request: {
    readonly generation: number;
    readonly model?: ModelName;
    readonly content?: ModelContent;
    readonly assignment?: Assignment;
  }): boolean;
  /** Why there is no model. */
  explain(absence: { readonly kind: FailureKind; readonly message: string }): void;
  open(address: { readonly hostname: string; readonly port: number }): void;
  collect(request: undefined): WorkerStats;
  drain(request: { readonly timeoutMs: number }): Promise<boolean>;
}

/**
 * Answers requests in a thread beside the one that owns the store. Whatever is of the whole process (writing to the store,
 * the check of the token, the log) is asked of that one.
 *
 * @param wrap For tests: puts another handler before the service's.
 */
export function runWorker(
  data: WorkerData,
  wrap: (handler: Handler) => Handler = (handler) => handler,
): void {
  const board = createSharedState(data.sharedState);
  const slot = createWorkerModelSlot(board);
  const stock = createLoadedModelCache(slot.counters);
  const lifecycle = createLifecycle(board);
  const heapBytesAtStart = heapBytesMax();
  const owner: RpcPeer<PrimaryApi> = openRpcPeer<WorkerApi, PrimaryApi>(data.port, {
    prepare({ generation, model, content, assignment }) {
      const loaded = content ? stock.add(content) : model && stock.find(model);
      if (model && !loaded) return false;
      slot.prepare(generation, loaded, assignment);
      return true;
    },
    explain({ kind, message }) {
      slot.unavailableReason = new Failure(kind, message);
    },
    open({ hostname, port }) {
      listener ??= listen(hostname, port);
    },
    collect: () => ({
      inFlight: lifecycle.inFlight,
      snapshot: service.snapshot(),
      outOfMemory: heapBytesMax() > heapBytesAtStart,
    }),
    async drain({ timeoutMs }) {
      const ended = !listener || await drainListener(listener, lifecycle, timeoutMs);
      service.close();
      return ended;
    },
  });
  const log = logTo(owner);
  const service = assembleService({
    ...data,
    unloadedModels: createUnloadedModels(data.unloads),
    slot,
    lifecycle,
    log,
    withStore: createStoreAccess(data.dataDir),
    registry: readingOnly(openRegistry(data.dataDir, { patienceMs: registryPatienceMs })),
    production: { assign: primaryOnly, rollBack: primaryOnly },
    collect: primaryOnly,
    answer: relayTo(owner),
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
      log,
    });
  }
}

/** The runtime raises it for a thread that has come there, and breaks off what the thread does. */
function heapBytesMax(): number {
  return getHeapStatistics().heap_size_limit;
}

/** Answers here what can be answered here, and lets the owner answer the rest. */
function relayTo(owner: RpcPeer<PrimaryApi>): Answer {
  return async (route, exchange) => {
    if (!isPrimaryOnly(route)) return await route.handle(exchange);
    // Before the body is read: the room for writes is for who may write, and others are not told what else is wrong.
    if (route.write) await owner.call("admit", headOf(exchange));
    return await withSerialized(
      exchange,
      async (request) => deserializeResponse(await owner.call("relay", request)),
    );
  };
}

/** The owner's log gets the lines: a line of another thread would come in between one of its own. */
function logTo(owner: RpcPeer<PrimaryApi>): Log {
  const at = (level: LogLevel): Log[LogLevel] => (event, fields = {}) =>
    owner.notify("log", { level, event, fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function readingOnly(registry: Registry): Registry {
  return {
    registerModel: primaryOnly,
    assign: primaryOnly,
    setAlias: primaryOnly,
    removeAlias: primaryOnly,
    upgrade: primaryOnly,
    listModels: () => registry.listModels(),
    findModel: (name) => registry.findModel(name),
    activeModel: () => registry.activeModel(),
    history: (part) => registry.history(part),
    assignmentAt: (at) => registry.assignmentAt(at),
    previousModel: () => registry.previousModel(),
    aliases: () => registry.aliases(),
    stamp: () => registry.stamp(),
    watch: (onChange) => registry.watch(onChange),
    close: () => registry.close(),
  };
}

/** Routes that write are answered by the owner: this is reached by a mistake in the table of routes alone. */
function primaryOnly(): Promise<never> {
  return Promise.reject(new Error("only the thread that owns the store writes to it: is the route marked?"));
}
