import { Failure } from "../../pipeline/failure.ts";
import { startThreads, workerUrl } from "../../pipeline/runtime/thread_pool.ts";
import type { Server } from "../../server/server.ts";
import { withOmittedRequests } from "./coordinated_omission.ts";
import { requestsOf, type Target } from "./requests.ts";
import type { LoadJob, LoadReport } from "./send_load.ts";

/** The speed of one path of the server. */
export interface Speed {
  readonly path: Target["path"];
  readonly rowsPerRequest: number;
  readonly connections: number;
  /** Number of requests that were answered during the measurement. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly rowsPerSecond: number;
  /** Median and 99th percentile of the time to an answer, with the requests that slow answers have delayed. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface MeasureOptions {
  /** Number of threads that make the load. */
  readonly threads: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** Requests that are sent before the measurement let the server's code be compiled. */
const warmUpMs = 1_000;
/** Time that threads may take to start, and the last answers to arrive. */
const graceMs = 15_000;

/**
 * Measures a path of the server at full load.
 *
 * @throws {Failure} `server-unready` if the server does not answer each request with 200, or not in time; the signal's reason.
 */
export async function measure(server: Server, target: Target, options: MeasureOptions): Promise<Speed> {
  const { seconds, signal } = options;
  await requireAnswers(server, target, signal);
  const connections = Math.max(1, Math.round(target.connections / options.threads));
  const job: LoadJob = {
    kind: "load",
    hostname: server.hostname,
    port: server.port,
    requests: requestsOf(target, `${server.hostname}:${server.port}`),
    connections,
    warmUpMs,
    durationMs: 1000 * seconds,
  };
  // This thread serves requests: the load is made by others.
  const threads = startThreads(options.threads + 1, workerUrl("./load_worker.ts", import.meta.url));
  try {
    const end = AbortSignal.any([signal, AbortSignal.timeout(warmUpMs + 1000 * seconds + graceMs)]);
    const reports = await Promise.race([
      threads.run<LoadReport | undefined>(job, () => undefined),
      aborted(end),
    ]);
    return speedOf(target, connections * options.threads, reports.flatMap((report) => report ?? []));
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") {
      throw new Failure(
        "server-unready",
        `Cannot measure the server: POST ${target.path} does not end in time.`,
      );
    }
    throw error;
  } finally {
    threads.close();
  }
}

function speedOf(
  { path, rowsPerRequest }: Target,
  connections: number,
  reports: readonly LoadReport[],
): Speed {
  const requests = reports.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0);
  const [{ seconds }] = reports;
  if (requests === 0) {
    throw new Failure(
      "server-unready",
      `Cannot measure the server: POST ${path} was not answered within ${seconds} s. Give it longer with --seconds.`,
    );
  }
  const answered = new Float32Array(requests);
  let offset = 0;
  for (const { latenciesMs } of reports) {
    answered.set(latenciesMs, offset);
    offset += latenciesMs.length;
  }
  const sorted = withOmittedRequests(answered, { connections, durationMs: 1000 * seconds }).sort();
  const requestsPerSecond = requests / seconds;
  return {
    path,
    rowsPerRequest,
    connections,
    requests,
    requestsPerSecond,
    rowsPerSecond: requestsPerSecond * rowsPerRequest,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  };
}

/** Returns the smallest value that is not below the given share of the values (nearest rank). */
export function percentile(sorted: Float32Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** Posts each body once. @throws {Failure} `server-unready` if a row is not answered with a probability. */
async function requireAnswers(
  { origin }: Server,
  { path, bodies, rowsPerRequest }: Target,
  signal: AbortSignal,
) {
  for (const body of bodies) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(origin + path, { method: "POST", headers, body, signal });
    const text = await response.text();
    const answered = text.match(/"probability":/g)?.length ?? 0;
    if (response.ok && answered === rowsPerRequest) continue;
    throw new Failure(
      "server-unready",
      `Cannot measure the server: it answered a row made up for the model with ${response.status}: ${
        text.slice(0, 300)
      }`,
    );
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
