import { Failure } from "../../pipeline/failure.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import { yieldToEventLoop } from "../../pipeline/runtime/event_loop.ts";
import type { SharedState } from "../runtime/shared_state.ts";
import type { MetricsAggregator } from "../metrics/counters_snapshot.ts";
import type { ModelBroadcast } from "../models/model_broadcast.ts";
import { withTimeout } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { spawnWorker, type WorkerHandle, type WorkerHandleOptions } from "./worker_handle.ts";
import type { ProductionModel } from "../models/production_model.ts";
import type { ModelContent, ModelSlot } from "../models/loaded_model.ts";
import type { WorkerStats } from "../metrics/counters_snapshot.ts";
import type { WorkerData } from "./worker.ts";

/** Threads beside the calling one that answer requests on its port. One that is lost is replaced. */
export interface WorkerPool extends ModelBroadcast {
  /** Starts the threads and lets them answer. @returns When all do, or have been lost. */
  start(post: StartOptions): Promise<void>;
  /** How many answer, or are about to; 0 before `join`. */
  readonly size: number;
  /** What each of these threads has counted; those that do not answer in time are left out. */
  collect(): Promise<WorkerStats[]>;
  /** Finishes what is in flight and ends all threads. @returns False where some connections were still busy. */
  drain(timeoutMs: number): Promise<boolean>;
  /** Ends all threads as they are. */
  terminate(): Promise<void>;
  /** Resolves where a thread hangs and cannot be ended: then connections that reach it wait in vain. */
  readonly unresponsive: Promise<Failure>;
}

/** Where the threads answer, and for whom. */
export interface StartOptions {
  readonly hostname: string;
  readonly port: number;
  readonly production: Pick<ProductionModel, "whileStable">;
  readonly slot: ModelSlot;
}

export interface WorkerPoolOptions {
  readonly size: number;
  readonly sharedState: SharedState;
  readonly log: Log;
  readonly data: Omit<WorkerData, "sharedState" | "port">;
  /** Gets what the threads have counted. */
  readonly aggregator: Pick<MetricsAggregator, "update" | "retire">;
  readonly answers: Pick<WorkerHandleOptions["answers"], "relay" | "admit">;
  /** For tests: the threads' module. */
  readonly url?: URL;
  /** For tests: how often threads are asked whether they live, and what their objects may take. */
  readonly heartbeatIntervalMs?: number;
  readonly heapMegabytesMax?: number;
}

const defaultBeatEveryMs = 1_000;
/** So many unanswered questions are a thread that hangs; of one that has not answered any yet, is still starting. */
const silentBeatsMax = 5;
const startBeatsMax = 30;
/** A thread that is only held up ends when it goes on; the runtime cannot end one that hangs in a loop. */
const endBeats = 10;
const collectTimeoutMs = 500;
/** A thread that lives shorter than this is not replaced at once, but after twice the time of the one before. */
const shortLifeMs = 10_000;
const waitFirstMs = 100;
const waitLastMs = 10_000;

/** Threads that are yet to be started, by `join`. */
export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const {
    sharedState: board,
    log,
    aggregator: census,
    answers,
    heartbeatIntervalMs: heartbeatIntervalMs = defaultBeatEveryMs,
  } = options;
  const url = options.url ?? workerUrl();
  /** Those that answer, and those that are about to. */
  const members = new Map<WorkerHandle, { silentBeats: number; started: boolean }>();
  /** Those that have a model, or were told that there is none. */
  const informed = new Set<WorkerHandle>();
  /** Those that were told to end, and have not yet. */
  const leaving = new Set<WorkerHandle>();
  const replacing = new Set<ReturnType<typeof setTimeout>>();
  let post: StartOptions | undefined;
  let ending = false;
  let recruited = 0;
  let waitMs = waitFirstMs;
  const { promise: stuck, resolve: giveUp } = Promise.withResolvers<Failure>();

  function hire(): WorkerHandle {
    const id = ++recruited;
    const member: WorkerHandle = spawnWorker({
      id,
      url,
      heapMegabytesMax: options.heapMegabytesMax,
      data: { ...options.data, sharedState: board.memory },
      answers: {
        ...answers,
        log: ({ level, event, fields }) => log[level](event, { ...fields, thread: id }),
      },
      onLost: (cause) => lose(member, cause),
    });
    members.set(member, { silentBeats: 0, started: false });
    return member;
  }

  /** Gives threads the current model, then the port. */
  async function welcome(
    newcomers: readonly WorkerHandle[],
    { hostname, port, production, slot }: StartOptions,
  ): Promise<void> {
    // Between two changes: one that comes meanwhile would find neither the old crew nor the new one.
    await production.whileStable((current) =>
      Promise.all(newcomers.map(async (member) => {
        if (!current) member.explain(slot.unavailableReason);
        await orLose(member, member.prepare(board.generation, current?.content, current?.assignment));
        const state = members.get(member);
        if (!state) return;
        state.started = true;
        informed.add(member);
      }))
    ).catch((error) => newcomers.forEach((member) => lose(member, String(error))));
    await Promise.all(
      newcomers.filter((member) => informed.has(member))
        .map((member) => orLose(member, member.open({ hostname, port }))),
    );
  }

  /** Waits for a thread's answer; one that fails is lost. */
  async function orLose(member: WorkerHandle, work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      lose(member, error instanceof Error ? error.message : String(error));
    }
  }

  function lose(member: WorkerHandle, cause: string): void {
    if (!members.delete(member)) return;
    informed.delete(member);
    census.retire(member.id);
    end(member, new Failure("thread-lost", `A thread of the server is lost: ${cause}.`));
    if (ending) return;
    log.error("thread lost", { thread: member.id, cause });
    withTimeout(member.ended, endBeats * heartbeatIntervalMs).then((ended) => {
      if (ended || ending) return;
      giveUp(
        new Failure(
          "thread-lost",
          "A thread hangs and cannot be ended: connections that reach it wait in vain. Start the server again.",
        ),
      );
    });
    const lived = performance.now() - member.startedAt;
    waitMs = lived < shortLifeMs ? Math.min(2 * waitMs, waitLastMs) : waitFirstMs;
    const timer = setTimeout(() => {
      replacing.delete(timer);
      replace();
    }, lived < shortLifeMs ? waitMs : 0);
    replacing.add(timer);
  }

  function end(member: WorkerHandle, lost: Failure): void {
    leaving.add(member);
    member.ended.then(() => leaving.delete(member));
    member.end(lost);
  }

  async function replace(): Promise<void> {
    if (ending || !post) return;
    const member = hire();
    await welcome([member], post);
    if (informed.has(member)) log.info("thread replaced", { thread: member.id });
  }

  async function collect(member: WorkerHandle): Promise<WorkerStats> {
    const numbers = await member.collect();
    if (members.has(member)) census.update(member.id, numbers.snapshot);
    return numbers;
  }

  function beat(): void {
    for (const [member, state] of members) {
      if (state.silentBeats >= (state.started ? silentBeatsMax : startBeatsMax)) {
        lose(member, `it has not answered for ${state.silentBeats * heartbeatIntervalMs / 1000} s`);
        continue;
      }
      state.silentBeats++;
      collect(member).then(({ outOfMemory: exhausted }) => {
        state.silentBeats = 0;
        state.started = true;
        if (exhausted) lose(member, "it has run out of memory");
      }, () => {});
    }
  }

  async function dismiss(): Promise<void> {
    ending = true;
    clearInterval(beating);
    for (const timer of replacing) clearTimeout(timer);
    for (const member of members.keys()) end(member, new Failure("thread-lost", "The server has ended."));
    members.clear();
    informed.clear();
    await withTimeout(Promise.all([...leaving].map(({ ended }) => ended)), endBeats * heartbeatIntervalMs);
    for (const member of leaving) member.detach();
  }

  const beating = setInterval(beat, heartbeatIntervalMs);
  Deno.unrefTimer(beating);

  return {
    unresponsive: stuck,
    get size() {
      return members.size;
    },
    async start(given) {
      post = given;
      for (let i = 0; i < options.size && !ending; i++) {
        hire();
        // Whoever makes a thread stands still until it is there, some 20 ms: between two of them, requests have their turn.
        await yieldToEventLoop();
      }
      await welcome([...members.keys()], given);
    },
    async prepare(content: ModelContent, assignment: Assignment) {
      const generation = board.generation + 1;
      const failures: unknown[] = [];
      await Promise.all(
        [...informed].map((member) =>
          member.prepare(generation, content, assignment).catch((error) => {
            if (error instanceof Failure && error.kind !== "thread-lost") failures.push(error);
            else lose(member, error instanceof Error ? error.message : String(error));
          })
        ),
      );
      if (failures.length > 0) throw failures[0];
    },
    activate() {
      board.generation++;
    },
    explain(absence) {
      for (const member of informed) member.explain(absence);
    },
    async collect() {
      const numbers: WorkerStats[] = [];
      const asked = [...members.keys()].map((member) =>
        collect(member).then((counted) => void numbers.push(counted), () => {})
      );
      await withTimeout(Promise.all(asked), collectTimeoutMs);
      return numbers;
    },
    async drain(timeoutMs) {
      ending = true;
      const finished = await Promise.all(
        [...members.keys()].map((member) => member.drain(timeoutMs).catch(() => false)),
      );
      await dismiss();
      return finished.every(Boolean);
    },
    terminate: dismiss,
  };
}

function workerUrl(): URL {
  return new URL(
    import.meta.url.endsWith(".ts") ? "./serve_worker.ts" : "./serve_worker.js",
    import.meta.url,
  );
}
