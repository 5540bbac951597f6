import { Failure, type FailureKind } from "../failure.ts";

/** Returns the number of threads that this process may run at once: at least 1. */
export function availableParallelism(): number {
  return Math.max(1, navigator.hardwareConcurrency);
}

/** A job for one thread, and what its answer looks like: each kind of job is one entry of the worker's table. */
export interface Job {
  readonly kind: string;
}

/** What a worker sends back. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: { readonly kind: FailureKind; readonly message: string } }
  | { readonly id: number; readonly bug: string };

/** Worker threads beside the calling one. All of them run the same table of jobs. */
export interface Threads {
  /** How many threads there are, with the calling one. */
  readonly count: number;
  /**
   * Runs one job on every thread, `local` on the calling one, and waits for all.
   *
   * @param local Does the calling thread's part; it may block.
   * @returns The threads' results, the calling one's first.
   */
  run<Result>(job: Job, local: () => Result | Promise<Result>): Promise<Result[]>;
  close(): void;
}

/**
 * Starts `count` − 1 worker threads.
 *
 * @param workerUrl Module that answers jobs with replies.
 */
export function startThreads(count: number, workerUrl: URL): Threads {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  let nextId = 0;
  const workers = Array.from({ length: count - 1 }, () => {
    const worker = new Worker(workerUrl, { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const call = waiting.get(data.id);
      waiting.delete(data.id);
      if (!call) return;
      if ("result" in data) call.resolve(data.result);
      else if ("failure" in data) call.reject(new Failure(data.failure.kind, data.failure.message));
      else call.reject(new Error(`in a worker thread: ${data.bug}`));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const error = new Error(`a worker thread died: ${event.message}`);
      for (const call of waiting.values()) call.reject(error);
      waiting.clear();
    };
    return worker;
  });
  return {
    count,
    async run<Result>(job: Job, local: () => Result | Promise<Result>) {
      const others = workers.map((worker) =>
        new Promise((resolve, reject) => {
          const id = nextId++;
          waiting.set(id, { resolve, reject });
          worker.postMessage({ id, job });
        })
      );
      // Settled together: no thread still works on what the caller has given up.
      const [own, ...rest] = await Promise.allSettled([Promise.resolve().then(local), ...others]);
      for (const outcome of [own, ...rest]) if (outcome.status === "rejected") throw outcome.reason;
      return [own, ...rest].map((outcome) => (outcome as PromiseFulfilledResult<Result>).value);
    },
    close() {
      for (const worker of workers) worker.terminate();
    },
  };
}

/**
 * Answers jobs in a worker thread, by their kind.
 *
 * @param memoryOf The memory of an answer that this thread has no more use for: it is handed on without a copy.
 */
export function answerJobs(
  table: Readonly<Record<string, (job: never) => unknown>>,
  memoryOf: (kind: string, result: unknown) => ArrayBuffer[] = () => [],
): void {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<{ id: number; job: Job }>) => void;
    postMessage(reply: Reply, transfer?: ArrayBuffer[]): void;
  };
  scope.onmessage = async ({ data: { id, job } }) => {
    try {
      const result = await table[job.kind](job as never);
      scope.postMessage({ id, result }, memoryOf(job.kind, result));
    } catch (error) {
      if (error instanceof Failure) {
        scope.postMessage({ id, failure: { kind: error.kind, message: error.message } });
      } else {scope.postMessage({
          id,
          bug: error instanceof Error ? error.stack ?? error.message : String(error),
        });}
    }
  };
}
