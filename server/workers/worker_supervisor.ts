import { Failure } from "../../pipeline/failure.ts";
import type { MetricsAggregator, WorkerStats } from "../metrics/counters_snapshot.ts";
import { withTimeout } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** Spawns workers, checks them by heartbeat, and replaces those that exit, hang or run out of memory. */
export interface WorkerSupervisor {
  /** The live workers: those that answer requests, and those that are starting. */
  readonly live: ReadonlyMap<WorkerHandle, WorkerState>;
  readonly isStopping: boolean;
  /** Resolves if a terminated worker does not exit. */
  readonly unresponsive: Promise<Failure>;
  /** Spawning blocks the calling thread for about 20 ms. */
  spawn(): WorkerHandle;
  /** Terminates a live worker and schedules its replacement. @param reason An error, or a cause in words. */
  handleExit(worker: WorkerHandle, reason: unknown): void;
  /** Waits for work on a worker. A worker whose work fails is terminated and replaced. */
  exitOnError(worker: WorkerHandle, work: Promise<unknown>): Promise<void>;
  collect(worker: WorkerHandle): Promise<WorkerStats>;
  /** Stops replacing workers. */
  stop(): void;
  /** Terminates all workers without draining them. */
  terminate(): Promise<void>;
}

export interface WorkerState {
  /** The worker has the current model, or knows that there is none. */
  ready: boolean;
  /** The worker has answered a call. */
  started: boolean;
  missedHeartbeats: number;
}

export interface WorkerSupervisorOptions {
  readonly log: Log;
  readonly aggregator: Pick<MetricsAggregator, "update" | "retire">;
  readonly heartbeatIntervalMs: number;
  readonly spawn: (id: number, onExit: (cause: unknown) => void) => WorkerHandle;
  /** Prepares a replacement to answer requests, and marks it as ready. */
  readonly initialise: (newWorkers: readonly WorkerHandle[]) => Promise<unknown>;
}

/** Missed heartbeats after which a worker counts as hung. */
const missedHeartbeatsMax = 5;
/** Missed heartbeats after which a worker counts as failed to start. */
const missedStartHeartbeatsMax = 30;
/**
 * Heartbeats within which a terminated worker must exit. One that was only held up exits when it continues; one stuck in a
 * loop cannot be terminated.
 */
const exitHeartbeats = 10;
/** A worker that exits sooner after its start than this is replaced after a delay, which doubles each time. */
const crashLoopMs = 10_000;
const restartDelayFirstMs = 100;
const restartDelayMaxMs = 10_000;
const unresponsiveMessage =
  "A thread hangs and cannot be terminated: connections to it get no answer. Restart the server.";

export function createWorkerSupervisor(options: WorkerSupervisorOptions): WorkerSupervisor {
  const { log, aggregator, heartbeatIntervalMs, initialise } = options;
  const live = new Map<WorkerHandle, WorkerState>();
  const terminating = new Set<WorkerHandle>();
  const restarts = createRestartTimers(restart);
  const { promise: unresponsive, resolve: reportUnresponsive } = Promise.withResolvers<Failure>();
  let spawnedCount = 0;
  let isStopping = false;

  function spawn(): WorkerHandle {
    const worker: WorkerHandle = options.spawn(++spawnedCount, (cause) => handleExit(worker, cause));
    live.set(worker, { ready: false, started: false, missedHeartbeats: 0 });
    return worker;
  }

  function handleExit(worker: WorkerHandle, reason: unknown): void {
    if (!live.delete(worker)) return;
    const cause = reason instanceof Error ? reason.message : String(reason);
    aggregator.retire(worker.id);
    terminate(worker, new Failure("thread-lost", `A thread of the server is lost: ${cause}.`));
    if (isStopping) return;
    log.error("thread lost", { thread: worker.id, cause });
    withTimeout(worker.exited, exitHeartbeats * heartbeatIntervalMs).then((hasExited) => {
      if (!hasExited && !isStopping) reportUnresponsive(new Failure("thread-lost", unresponsiveMessage));
    });
    restarts.schedule(performance.now() - worker.startedAt);
  }

  function terminate(worker: WorkerHandle, reason: Failure): void {
    terminating.add(worker);
    worker.exited.then(() => terminating.delete(worker));
    worker.terminate(reason);
  }

  async function restart(): Promise<void> {
    if (isStopping) return;
    const worker = spawn();
    await initialise([worker]);
    if (live.get(worker)?.ready) log.info("thread replaced", { thread: worker.id });
  }

  async function collect(worker: WorkerHandle): Promise<WorkerStats> {
    const stats = await worker.call("collect", undefined);
    if (live.has(worker)) aggregator.update(worker.id, stats.snapshot);
    return stats;
  }

  const heartbeat = setInterval(() => {
    for (const entry of live) checkWorker(entry, { collect, handleExit, heartbeatIntervalMs });
  }, heartbeatIntervalMs);
  Deno.unrefTimer(heartbeat);

  return {
    live,
    unresponsive,
    get isStopping() {
      return isStopping;
    },
    spawn,
    handleExit,
    exitOnError: (worker, work) => work.then(() => {}, (error) => handleExit(worker, error)),
    collect,
    stop() {
      isStopping = true;
    },
    async terminate() {
      isStopping = true;
      clearInterval(heartbeat);
      restarts.cancel();
      const reason = new Failure("thread-lost", "The server has stopped.");
      for (const worker of live.keys()) terminate(worker, reason);
      live.clear();
      const exits = [...terminating].map(({ exited }) => exited);
      await withTimeout(Promise.all(exits), exitHeartbeats * heartbeatIntervalMs);
      for (const worker of terminating) worker.detach();
    },
  };
}

/** Schedules replacements: at once, or after a delay for a worker that exited within `crashLoopMs`. */
function createRestartTimers(restart: () => void) {
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let delayMs = restartDelayFirstMs;
  return {
    schedule(livedMs: number): void {
      const isCrashLoop = livedMs < crashLoopMs;
      delayMs = isCrashLoop ? Math.min(2 * delayMs, restartDelayMaxMs) : restartDelayFirstMs;
      const timer = setTimeout(() => {
        timers.delete(timer);
        restart();
      }, isCrashLoop ? delayMs : 0);
      timers.add(timer);
    },
    cancel(): void {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** Sends a heartbeat, or reports the worker lost if it has missed too many. */
function checkWorker(
  [worker, state]: [WorkerHandle, WorkerState],
  { collect, handleExit, heartbeatIntervalMs }:
    & Pick<WorkerSupervisor, "collect" | "handleExit">
    & Pick<WorkerSupervisorOptions, "heartbeatIntervalMs">,
): void {
  if (state.missedHeartbeats >= (state.started ? missedHeartbeatsMax : missedStartHeartbeatsMax)) {
    return handleExit(
      worker,
      `it has not answered for ${state.missedHeartbeats * heartbeatIntervalMs / 1000} s`,
    );
  }
  state.missedHeartbeats++;
  collect(worker).then(({ outOfMemory }) => {
    state.missedHeartbeats = 0;
    state.started = true;
    if (outOfMemory) handleExit(worker, "it ran out of memory");
  }, () => {});
}
