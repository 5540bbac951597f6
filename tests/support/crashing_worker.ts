import { workerData } from "node:worker_threads";
import { runWorker } from "../../server/workers/worker.ts";

/** How a thread of the server can be brought to its end by a request: GET /doom/HOW. */
const dooms: Readonly<Record<string, () => void>> = {
  // Past the handler, which answers what is thrown in it.
  throw: () =>
    void setTimeout(() => {
      throw new Error("doomed");
    }),
  exit: () => Deno.exit(0),
  /** Longer than anybody waits, though not for ever: a thread in an endless loop outlives the test. */
  hang: () => spin(5_000),
  pause: () => spin(2_000),
  memory() {
    for (const kept: unknown[] = [];;) kept.push(new Array(100_000).fill(Math.random()));
  },
};

function spin(forMs: number): void {
  for (const until = performance.now() + forMs; performance.now() < until;);
}

/** A thread of the server that a test can bring to its end. */
runWorker(workerData, (handler) => (request, info) => {
  const how = new URL(request.url).pathname.match(/^\/doom\/(\w+)$/)?.[1];
  if (how === undefined) return handler(request, info);
  dooms[how]?.();
  return Promise.resolve(new Response("doomed"));
});
