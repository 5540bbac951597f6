import { workerData } from "node:worker_threads";
import { runWorker } from "../../server/workers/worker.ts";

/** Ways in which a request can crash a worker: GET /crash/HOW. */
const crashes: Readonly<Record<string, () => void>> = {
  // Outside the handler, which catches its own errors.
  throw: () =>
    void setTimeout(() => {
      throw new Error("crashed");
    }),
  exit: () => Deno.exit(0),
  /** Longer than any test waits, but not endless: a worker in an endless loop would outlive the test. */
  hang: () => spin(5_000),
  pause: () => spin(2_000),
  memory() {
    for (const kept: unknown[] = [];;) kept.push(new Array(100_000).fill(Math.random()));
  },
};

function spin(forMs: number): void {
  for (const until = performance.now() + forMs; performance.now() < until;);
}

// A worker of the server that a test can crash.
runWorker(workerData, (handler) => (request, info) => {
  const how = new URL(request.url).pathname.match(/^\/crash\/(\w+)$/)?.[1];
  if (how === undefined) return handler(request, info);
  crashes[how]?.();
  return Promise.resolve(new Response("crashing"));
});
