import { MessageChannel, Worker } from "node:worker_threads";
import type { Failure } from "../../pipeline/failure.ts";
import type { Assignment } from "../../pipeline/model/registry.ts";
import type { ModelContent } from "../models/loaded_model.ts";
import type { PrimaryApi, WorkerApi, WorkerData } from "./protocol.ts";
import { openRpcPeer, type RpcPeer } from "./rpc.ts";

/** A worker, as the primary thread sees it. */
export interface WorkerHandle extends Pick<RpcPeer<WorkerApi>, "call" | "notify"> {
  readonly id: number;
  /** In milliseconds of a monotonic clock. */
  readonly startedAt: number;
  /** Resolves when the worker has exited. Never resolves for a worker stuck in a loop, which the runtime cannot terminate. */
  readonly exited: Promise<void>;
  /** @throws {Failure} As the worker does, and `thread-lost`. */
  prepare(
    generation: number,
    content: ModelContent | undefined,
    assignment: Assignment | undefined,
  ): Promise<void>;
  /** @returns False if some connections were still busy. @throws {Failure} `thread-lost` */
  drain(timeoutMs: number): Promise<boolean>;
  /** Terminates the worker. Its pending calls are rejected with `reason`. */
  terminate(reason: Failure): void;
  /** Stops waiting for the worker to exit. */
  detach(): void;
}

export interface WorkerHandleOptions {
  readonly id: number;
  /** The worker's module. */
  readonly url: URL;
  readonly data: Omit<WorkerData, "port">;
  readonly handlers: PrimaryApi;
  /** Limit of the worker's heap. */
  readonly heapMegabytesMax?: number | undefined;
  /** Called when the worker has exited, or is about to. @param cause An error, or a cause in words. */
  readonly onExit: (cause: unknown) => void;
}

/**
 * Limit of a worker's heap. A worker that exceeds it is terminated; without the limit, the process would be, at some
 * gigabytes. The limit also steers the garbage collector: between two collections, garbage grows to three times the memory in
 * use if 2 GiB are allowed, and to less than the memory in use at half of that.
 */
const heapMegabytesDefault = 1_024;
/** Loading and verifying a model of a million coefficients takes a second. */
const prepareTimeoutMs = 10_000;
/** Time for the answer to `drain`, beyond the drain's own timeout. */
const drainGraceMs = 1_000;

export function spawnWorker(options: WorkerHandleOptions): WorkerHandle {
  const { id, url, data, handlers, onExit, heapMegabytesMax = heapMegabytesDefault } = options;
  const { port1, port2 } = new MessageChannel();
  const workerData: WorkerData = { ...data, port: port2 };
  const worker = new Worker(url, {
    workerData,
    transferList: [port2],
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax },
  });
  const peer: RpcPeer<WorkerApi> = openRpcPeer<PrimaryApi, WorkerApi>(port1, handlers);
  const exited = new Promise<void>((resolve) =>
    port1.on("close", () => {
      port1.close();
      resolve();
      onExit("it exited");
    })
  );
  worker.on("error", onExit);
  return {
    ...peer,
    id,
    startedAt: performance.now(),
    exited,
    async prepare(generation, content, assignment) {
      if (!content) {
        return void await peer.call("prepare", { generation }, { timeoutMs: prepareTimeoutMs });
      }
      const { metadata: _, ...model } = content;
      const request = { generation, model, ...assignment === undefined ? {} : { assignment } };
      // Try the name first: the content can be long, and the worker may have it already.
      const isLoaded = await peer.call("prepare", request, { timeoutMs: prepareTimeoutMs });
      if (!isLoaded) await peer.call("prepare", { ...request, content }, { timeoutMs: prepareTimeoutMs });
    },
    drain: (timeoutMs) => peer.call("drain", { timeoutMs }, { timeoutMs: timeoutMs + drainGraceMs }),
    terminate(reason) {
      peer.close(reason);
      worker.terminate();
    },
    detach: () => port1.close(),
  };
}
