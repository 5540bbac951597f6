import { Failure } from "../../pipeline/failure.ts";
import { yieldToEventLoop } from "../../pipeline/runtime/event_loop.ts";
import { workerUrl } from "../../pipeline/runtime/thread_pool.ts";
import type { WorkerStats } from "../metrics/counters_snapshot.ts";
import type { ModelSlot } from "../models/loaded_model.ts";
import type { ModelBroadcast } from "../models/model_broadcast.ts";
import type { ProductionModel } from "../models/production_model.ts";
import { withTimeout } from "../runtime/lifecycle.ts";
import type { SharedState } from "../runtime/shared_state.ts";
import type { PrimaryApi, WorkerData } from "./protocol.ts";
import { spawnWorker, type WorkerHandle } from "./worker_handle.ts";
import {
  createWorkerSupervisor,
  type WorkerSupervisor,
  type WorkerSupervisorOptions,
} from "./worker_supervisor.ts";

/** A pool of worker threads that share the listening port. A worker that exits, hangs or runs out of memory is replaced. */
export interface WorkerPool extends ModelBroadcast {
  /** Starts the workers. @returns When each of them listens or has been lost. */
  start(options: StartOptions): Promise<void>;
  /** The number of workers that listen or are starting; 0 before `start`. */
  readonly size: number;
  /** Returns the counts of the workers. Workers that do not answer in time are left out. */
  collect(): Promise<WorkerStats[]>;
  /** Finishes requests in flight and terminates all workers. @returns False if some connections were still busy. */
  drain(timeoutMs: number): Promise<boolean>;
  /** Terminates all workers without draining them. */
  terminate(): Promise<void>;
  /** Resolves if a worker hangs and cannot be terminated: connections to it then get no answer. */
  readonly unresponsive: Promise<Failure>;
}

export interface StartOptions {
  readonly hostname: string;
  readonly port: number;
  readonly production: Pick<ProductionModel, "whileStable">;
  readonly slot: ModelSlot;
}

export interface WorkerPoolOptions extends Pick<WorkerSupervisorOptions, "log" | "aggregator"> {
  readonly size: number;
  readonly sharedState: SharedState;
  readonly data: Omit<WorkerData, "sharedState" | "port">;
  readonly handlers: Omit<PrimaryApi, "log">;
  /** For tests: the workers' module. */
  readonly url?: URL;
  /** For tests. */
  readonly heartbeatIntervalMs?: number;
  /** For tests: limit of a worker's heap. */
  readonly heapMegabytesMax?: number;
}

const heartbeatIntervalDefaultMs = 1_000;
const collectTimeoutMs = 500;

export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const { sharedState, log, aggregator, heartbeatIntervalMs = heartbeatIntervalDefaultMs } = options;
  let started: StartOptions | undefined;
  const supervisor = createWorkerSupervisor({
    log,
    aggregator,
    heartbeatIntervalMs,
    spawn: (id, onExit) => spawnInPool(id, onExit, options),
    initialise: async (newWorkers) =>
      started && await initialise(newWorkers, { ...started, supervisor, sharedState }),
  });
  const { live } = supervisor;
  const readyWorkers = () => [...live].filter(([, { ready }]) => ready).map(([worker]) => worker);

  return {
    unresponsive: supervisor.unresponsive,
    get size() {
      return live.size;
    },
    async start(startOptions) {
      started = startOptions;
      for (let i = 0; i < options.size && !supervisor.isStopping; i++) {
        supervisor.spawn();
        // Spawning a worker blocks this thread for about 20 ms: yield between spawns so that requests are served.
        await yieldToEventLoop();
      }
      await initialise([...live.keys()], { ...started, supervisor, sharedState });
    },
    async prepare(content, assignment) {
      const generation = sharedState.generation + 1;
      const failures: unknown[] = [];
      await Promise.all(
        readyWorkers().map((worker) =>
          worker.prepare(generation, content, assignment).catch((error) => {
            if (error instanceof Failure && error.kind !== "thread-lost") failures.push(error);
            else supervisor.handleExit(worker, error);
          })
        ),
      );
      if (failures.length > 0) throw failures[0];
    },
    activate() {
      sharedState.generation++;
    },
    explain({ kind, message }) {
      for (const worker of readyWorkers()) worker.notify("explain", { kind, message });
    },
    async collect() {
      const stats: WorkerStats[] = [];
      const calls = [...live.keys()].map((worker) =>
        supervisor.collect(worker).then((collected) => void stats.push(collected), () => {})
      );
      await withTimeout(Promise.all(calls), collectTimeoutMs);
      return stats;
    },
    async drain(timeoutMs) {
      supervisor.stop();
      const drained = await Promise.all(
        [...live.keys()].map((worker) => worker.drain(timeoutMs).catch(() => false)),
      );
      await supervisor.terminate();
      return drained.every(Boolean);
    },
    terminate: supervisor.terminate,
  };
}

/** Gives new workers the current model, then the port. */
async function initialise(
  newWorkers: readonly WorkerHandle[],
  { supervisor, sharedState, hostname, port, production, slot }: StartOptions & {
    readonly supervisor: WorkerSupervisor;
    readonly sharedState: SharedState;
  },
): Promise<void> {
  const { live, exitOnError, handleExit } = supervisor;
  // Exclude model changes: one that happened in between would reach neither the old workers nor the new ones.
  await production.whileStable((current) =>
    Promise.all(newWorkers.map(async (worker) => {
      const { kind, message } = slot.unavailableReason;
      if (!current) worker.notify("explain", { kind, message });
      const { generation } = sharedState;
      await exitOnError(worker, worker.prepare(generation, current?.content, current?.assignment));
      const state = live.get(worker);
      if (state) state.started = state.ready = true;
    }))
  ).catch((error) => newWorkers.forEach((worker) => handleExit(worker, error)));
  const ready = newWorkers.filter((worker) => live.get(worker)?.ready);
  await Promise.all(ready.map((worker) => exitOnError(worker, worker.call("listen", { hostname, port }))));
}

function spawnInPool(
  id: number,
  onExit: (cause: unknown) => void,
  { url, heapMegabytesMax, data, sharedState, handlers, log }: WorkerPoolOptions,
): WorkerHandle {
  return spawnWorker({
    id,
    url: url ?? workerUrl("./serve_worker.ts", import.meta.url),
    heapMegabytesMax,
    data: { ...data, sharedState: sharedState.memory },
    handlers: {
      ...handlers,
      log: ({ level, event, fields }) => log[level](event, { ...fields, thread: id }),
    },
    onExit,
  });
}
