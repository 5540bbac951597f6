import { deserializeError, serializeError, type TransferredError } from "./failure_transfer.ts";
import { sharedInt32 } from "./shared_memory.ts";

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
  /** Whether it gives a thread the state that later jobs need: a thread that is not free gets it, too. */
  readonly isState?: true;
}

/** The message with which a worker answers a job. */
export type Reply = { readonly id: number } & ({ readonly result: unknown } | TransferredError);

/** A pool of worker threads that run the same table of jobs. The calling thread takes part. */
export type Threads = ReturnType<typeof startThreads>;

export interface PoolOptions {
  /** Shape (1): as soon as it is not 0, another worker thread takes part, also in a job that the others have begun. */
  readonly isOneMoreFree?: Int32Array<SharedArrayBuffer>;
}

/** By what a thread that is not free yet begins a job or omits it. */
interface Entry {
  readonly isFree: Int32Array<SharedArrayBuffer>;
  /** Shape (1): one of `entryStates`. */
  readonly state: Int32Array<SharedArrayBuffer>;
}

const entryStates = { open: 0, entered: 1, closed: 2 };
/** How often a thread that waits looks whether it is free. */
const entryLookMs = 10;

/** Blocks until the thread is free or the job is over. @returns Whether the thread takes part in the job. */
function enter({ isFree, state }: Entry): boolean {
  const { open, entered } = entryStates;
  while (Atomics.load(isFree, 0) === 0 && Atomics.wait(state, 0, open, entryLookMs) === "timed-out");
  return Atomics.compareExchange(state, 0, open, entered) === open;
}

/** Ends the time in which a thread may begin a job. @returns Whether it has begun. */
function endEntry({ state }: Entry): boolean {
  const { open, closed } = entryStates;
  const isOpen = Atomics.compareExchange(state, 0, open, closed) === open;
  Atomics.notify(state, 0);
  return !isOpen;
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
    /** Posts a job at once. @param entry By which the thread may omit it. @returns The result. */
    ask: (job: Job, entry?: Entry): Promise<unknown> =>
      // A thread that died does not reply.
      death ? Promise.reject(death) : calls.begin((id) => worker.postMessage({ id, job, entry })),
    terminate: (): void => worker.terminate(),
  };
}

/** Starts `count` − 1 worker threads. @param url Module that calls {@link answerJobs}. */
export function startThreads(count: number, url: URL, { isOneMoreFree }: PoolOptions = {}) {
  const calls = createCalls();
  const workers = Array.from({ length: count - 1 }, () => startWorker(url, calls));
  let reserve = isOneMoreFree && createReserve(url, isOneMoreFree);
  return {
    /** The number of threads that can take part at this moment, including the calling one. */
    get count(): number {
      return workers.length + 1 + (reserve?.isFree() ? 1 : 0);
    },
    /**
     * Runs one job on every thread, `local` on the calling one, and waits for all.
     *
     * @param local Does the calling thread's part; it may block.
     * @returns The threads' results, the calling one's first.
     * @throws {Failure} As the first thread that failed did.
     */
    async run<Result>(job: Job, local: () => Result | Promise<Result>): Promise<Result[]> {
      const others = workers.map((worker) => worker.ask(job));
      const ending = reserve?.begin(job);
      // Wait for all threads, even if one fails: the caller may release memory that the others still use.
      const [own] = await Promise.allSettled([Promise.resolve().then(local)]);
      const reply = ending?.();
      if (reply) {
        others.push(reply.result);
        workers.push(reply.worker);
        reserve = undefined;
      }
      const outcomes = [own, ...await Promise.allSettled(others)];
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
      return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<Result>).value);
    },
    close(): void {
      for (const worker of workers) worker.terminate();
      reserve?.close();
    },
  };
}

/**
 * Starts a thread that gets every job, and takes part in the first one that goes on when it is free; from then on it is as any other. The
 * others do not wait for its start: the work may be done before it is ready.
 */
function createReserve(url: URL, isFreeFlag: Int32Array<SharedArrayBuffer>) {
  const worker = startWorker(url);
  /** Replies to the jobs that give it its state. */
  let state: Promise<unknown> = Promise.resolve();
  return {
    isFree: () => Atomics.load(isFreeFlag, 0) !== 0,
    /** Posts a job. @returns Called when the others have done it. @returns The thread and its result, if it has begun. */
    begin(job: Job): () => { worker: WorkerThread; result: Promise<unknown> } | undefined {
      const entry = job.isState ? undefined : { isFree: isFreeFlag, state: sharedInt32(1) };
      const before = state;
      const reply = worker.ask(job, entry);
      const result = before.then(() => reply);
      // A thread that fails to start does not take part.
      for (const promise of [reply, result]) promise.catch(() => {});
      if (!entry) state = result;
      return () => entry && endEntry(entry) ? { worker, result } : undefined;
    },
    close: (): void => worker.terminate(),
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
    onmessage: (event: MessageEvent<{ id: number; job: Job; entry?: Entry }>) => void;
    postMessage(reply: Reply, transfer?: ArrayBuffer[]): void;
  };
  scope.onmessage = async ({ data: { id, job, entry } }) => {
    try {
      const takesPart = entry === undefined || enter(entry);
      const result = takesPart ? await table[job.kind](job as never) : undefined;
      scope.postMessage({ id, result }, takesPart ? memoryOf(job.kind, result) : []);
    } catch (error) {
      scope.postMessage({ id, ...serializeError(error) });
    }
  };
}
