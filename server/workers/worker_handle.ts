import { MessageChannel, Worker } from "node:worker_threads";
import type { Failure } from "../../pipeline/failure.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import { openRpcPeer, type RpcPeer } from "./rpc.ts";
import type { LogFields, LogLevel } from "../runtime/log.ts";
import type { SerializedRequest, SerializedResponse } from "./request_forwarding.ts";
import type { ModelContent } from "../models/loaded_model.ts";
import type { WorkerStats } from "../metrics/counters_snapshot.ts";
import type { WorkerApi, WorkerData } from "./worker.ts";

/** What the thread that owns the store can be asked by the others. */
export interface PrimaryApi {
  /** Answers a request to a route of the whole process, after its check. */
  relay(request: SerializedRequest): Promise<SerializedResponse>;
  /** @throws {Failure} where the request's sender may not write. */
  admit(head: SerializedRequest): void;
  log(line: { readonly level: LogLevel; readonly event: string; readonly fields: LogFields }): void;
}

/** Another thread that answers requests, as the one that owns the store sees it. */
export interface WorkerHandle {
  readonly id: number;
  /** In milliseconds of a clock that only goes forward. */
  readonly startedAt: number;
  /** Resolves when the thread has ended indeed. One that hangs in a loop never does: the runtime cannot end it. */
  readonly ended: Promise<void>;
  /** @throws {Failure} As the thread does, and `thread-lost`. */
  prepare(
    generation: number,
    content: ModelContent | undefined,
    assignment: Assignment | undefined,
  ): Promise<void>;
  explain(absence: Failure): void;
  /** Listens. @throws {Failure} `address-unusable`, `thread-lost` */
  open(address: { readonly hostname: string; readonly port: number }): Promise<void>;
  collect(): Promise<WorkerStats>;
  /** @returns False where some connections were still busy. @throws {Failure} `thread-lost` */
  drain(timeoutMs: number): Promise<boolean>;
  /** Ends it. Whoever waits for its answer gets `lost`. */
  end(lost: Failure): void;
  /** Waits for its end no longer. */
  detach(): void;
}

export interface WorkerHandleOptions {
  readonly id: number;
  /** Module of the thread. */
  readonly url: URL;
  readonly data: Omit<WorkerData, "port">;
  readonly answers: PrimaryApi;
  /** What its objects may take. */
  readonly heapMegabytesMax?: number | undefined;
  /** Called when it has ended, or will. @param cause In words. */
  readonly onLost: (cause: string) => void;
}

/**
 * What a thread's objects may take. Beyond it the thread is ended; without this bound, at some gigabytes, the process. The
 * engine goes by it, too: between two collections it lets garbage grow to three times what is in use where 2 GiB are allowed,
 * to less than that itself where it is half of it.
 */
const heapMegabytesDefault = 1_024;
/** Loading a model of a million coefficients and trying it takes a second. */
const prepareTimeoutMs = 10_000;
/** Beyond the drain's own time. */
const drainGraceMs = 1_000;

export function spawnWorker(options: WorkerHandleOptions): WorkerHandle {
  const { id, url, data, answers, onLost, heapMegabytesMax = heapMegabytesDefault } = options;
  const { port1, port2 } = new MessageChannel();
  const workerData: WorkerData = { ...data, port: port2 };
  const worker = new Worker(url, {
    workerData,
    transferList: [port2],
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax },
  });
  const channel: RpcPeer<WorkerApi> = openRpcPeer<PrimaryApi, WorkerApi>(port1, answers);
  const ended = new Promise<void>((resolve) =>
    port1.on("close", () => {
      port1.close();
      resolve();
      onLost("it has ended");
    })
  );
  worker.on("error", (error: Error) => onLost(error.message));
  return {
    id,
    startedAt: performance.now(),
    ended,
    async prepare(generation, content, assignment) {
      if (!content) {
        return void await channel.call("prepare", { generation }, { timeoutMs: prepareTimeoutMs });
      }
      const { metadata: _, ...model } = content;
      const request = { generation, model, ...assignment === undefined ? {} : { assignment } };
      // Which model it is comes first: the content itself can be long, and the thread may have it.
      const known = await channel.call("prepare", request, { timeoutMs: prepareTimeoutMs });
      if (!known) await channel.call("prepare", { ...request, content }, { timeoutMs: prepareTimeoutMs });
    },
    explain: ({ kind, message }) => channel.notify("explain", { kind, message }),
    open: (address) => channel.call("open", address),
    collect: () => channel.call("collect", undefined),
    drain: (timeoutMs) => channel.call("drain", { timeoutMs }, { timeoutMs: timeoutMs + drainGraceMs }),
    end(lost) {
      channel.close(lost);
      worker.terminate();
    },
    detach: () => port1.close(),
  };
}
