import { yieldToEventLoop } from "./event_loop.ts";
import { deserializeError, serializeError, type TransferredError } from "./failure_transfer.ts";

/** Returns the number of threads that this process may run at once: at least 1. */
export function availableParallelism(): number {
  return Math.max(1, navigator.hardwareConcurrency);
}

/**
 * Returns the URL of a worker's module: the TypeScript file in the source, the JavaScript file in the bundle.
 *
 * @param path Path of the TypeScript file, relative to `base`.
 * @param base The caller's `import.meta.url`.
 */
export function workerUrl(path: string, base: string): URL {
  return new URL(base.endsWith(".ts") ? path : path.replace(/\.ts$/, ".js"), base);
}

/** A job for one thread. Each kind of job is one entry of the worker's job table. */
export interface Job {
  readonly kind: string;
  /** Whether it gives a thread the state that later jobs need: a thread that joins the pool later begins with the last one. */
  readonly isState?: true;
}

/** The message with which a worker answers a job. */
export type Reply = { readonly id: number } & ({ readonly result: unknown } | TransferredError);

/** A pool of worker threads that run the same table of jobs. The calling thread takes part. */
export type Threads = ReturnType<typeof startThreads>;

export interface PoolOptions {
  /** Shape (1): as soon as it is not 0, another worker thread is started, and takes part in the jobs that follow its start. */
  readonly isOneMoreFree?: Int32Array<SharedArrayBuffer>;
}

/** Calls of worker threads that wait for their replies. */
function createCalls() {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  let nextId = 0;
  return {
    begin: (post: (id: number) => void): Promise<unknown> =>
      new Promise<unknown>((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        post(id);
      }),
    end(reply: Reply): void {
      const call = waiting.get(reply.id);
      waiting.delete(reply.id);
      if ("result" in reply) call?.resolve(reply.result);
      else call?.reject(deserializeError(reply));
    },
    failAll(error: Error): void {
      for (const call of waiting.values()) call.reject(error);
      waiting.clear();
    },
  };
}

/** A worker thread that answers jobs in their order. */
export type WorkerThread = ReturnType<typeof startWorker>;

/** @param url Module that calls {@link answerJobs}. @param calls If the thread dies, all of them fail. */
export function startWorker(url: URL, calls = createCalls()) {
  const worker = new Worker(url, { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Reply>) => calls.end(data);
  let death: Error | undefined;
  worker.onerror = (event) => {
    event.preventDefault();
    death = new Error(`a worker thread died: ${event.message}`);
    calls.failAll(death);
  };
  return {
    /** Posts a job at once. @returns The result. */
    ask: (job: Job): Promise<unknown> =>
      // A thread that died does not reply.
      death ? Promise.reject(death) : calls.begin((id) => worker.postMessage({ id, job })),
    terminate: (): void => worker.terminate(),
  };
}

/** Starts `count` − 1 worker threads. @param url Module that calls {@link answerJobs}. */
export function startThreads(count: number, url: URL, { isOneMoreFree }: PoolOptions = {}) {
  const calls = createCalls();
  const started: WorkerThread[] = [];
  const start = () => {
    const worker = startWorker(url, calls);
    started.push(worker);
    return worker;
  };
  const workers = Array.from({ length: count - 1 }, start);
  let state: Job | undefined;
  let joining: "not yet" | "soon" | "joined" = "not yet";
  const join = async (worker: WorkerThread) => {
    let known: Job | undefined;
    while (known !== state) {
      known = state;
      if (known) await worker.ask(known);
    }
    joining = "joined";
    workers.push(worker);
  };
  /** The pool does not wait for a thread that starts: the work may be done before it is ready. */
  const letJoin = async () => {
    if (joining === "not yet" && isOneMoreFree && Atomics.load(isOneMoreFree, 0) !== 0) {
      joining = "soon";
      // A thread that fails to start does not join.
      join(start()).catch(() => {});
    }
    // Its reply is an event.
    if (joining === "soon") await yieldToEventLoop();
  };
  return {
    /** The number of threads from the beginning, including the calling one. */
    count,
    /**
     * Runs one job on every thread, `local` on the calling one, and waits for all.
     *
     * @param local Does the calling thread's part; it may block.
     * @returns The threads' results, the calling one's first.
     * @throws {Failure} As the first thread that failed did.
     */
    async run<Result>(job: Job, local: () => Result | Promise<Result>): Promise<Result[]> {
      if (job.isState) state = job;
      else await letJoin();
      const others = workers.map((worker) => worker.ask(job));
      // Wait for all threads, even if one fails: the caller may release memory that the others still use.
      const [own, ...rest] = await Promise.allSettled([Promise.resolve().then(local), ...others]);
      for (const outcome of [own, ...rest]) if (outcome.status === "rejected") throw outcome.reason;
      return [own, ...rest].map((outcome) => (outcome as PromiseFulfilledResult<Result>).value);
    },
    close(): void {
      for (const worker of started) worker.terminate();
    },
  };
}

/**
 * Answers jobs in a worker thread.
 *
 * @param table Functions by kind of job.
 * @param memoryOf Returns the buffers of a result that this thread no longer uses; they are transferred, not copied.
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
      scope.postMessage({ id, ...serializeError(error) });
    }
  };
}
