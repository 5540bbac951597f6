import { Failure } from "../../pipeline/failure.ts";
import type { Job } from "../../pipeline/runtime/thread_pool.ts";
import { responseEnd } from "./response_end.ts";

/** The job of a load thread. */
export interface LoadJob extends Job {
  readonly kind: "load";
  readonly hostname: string;
  readonly port: number;
  /** Whole HTTP requests, head and body, which each connection sends in turn. */
  readonly requests: readonly Uint8Array[];
  /** Number of connections of this thread. */
  readonly connections: number;
  /** Time before the measurement, in which requests are sent and not counted. */
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** The answers that came during the measurement. */
export interface LoadReport {
  /** Time from sending a request to the end of its answer, one for each answer. */
  readonly latenciesMs: Float32Array<ArrayBuffer>;
  /** The length of the measurement. */
  readonly seconds: number;
}

/** The largest answer that is read: a batch with its probabilities is far smaller. */
const answerBytesMax = 4 * 1024 * 1024;
const firstBufferBytes = 64 * 1024;

/**
 * Sends requests over keep-alive connections as fast as they are answered, one at a time on each. TCP and prepared bytes in
 * place of `fetch`, which costs more than the server does: the load shares the machine with the server that it measures.
 *
 * @throws {Failure} `server-unready` for an answer other than 200, or a connection that breaks.
 */
export async function sendLoad(job: LoadJob): Promise<LoadReport> {
  const { hostname, port, connections, warmUpMs, durationMs } = job;
  const opened: Deno.TcpConn[] = [];
  try {
    for (let i = 0; i < connections; i++) {
      const connection = await Deno.connect({ hostname, port });
      connection.setNoDelay(true);
      opened.push(connection);
    }
    const start = performance.now() + warmUpMs;
    const span = { start, end: start + durationMs };
    const parts = await Promise.all(opened.map((connection, i) => use(connection, job.requests, i, span)));
    return { latenciesMs: Float32Array.from(parts.flat()), seconds: durationMs / 1000 };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw broken(error instanceof Error ? error.message : String(error));
  } finally {
    for (const connection of opened) connection.close();
  }
}

/** Uses one connection until `end`. @returns The latencies of the answers between `start` and `end`. */
async function use(
  connection: Deno.TcpConn,
  requests: readonly Uint8Array[],
  first: number,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<number[]> {
  const latencies: number[] = [];
  let buffer = new Uint8Array(firstBufferBytes);
  for (let next = first;; next++) {
    const request = requests[next % requests.length];
    const sentAt = performance.now();
    if (sentAt >= end) return latencies;
    let written = await connection.write(request);
    while (written < request.length) written += await connection.write(request.subarray(written));
    let length = 0;
    do {
      if (length === buffer.length) buffer = enlarged(buffer);
      const read = await connection.read(buffer.subarray(length));
      if (read === null) throw broken("it closed a connection");
      length += read;
    } while (!isWhole(buffer, length));
    const receivedAt = timeOfArrival();
    if (receivedAt >= start && receivedAt < end) latencies.push(receivedAt - sentAt);
  }
}

let arrival: number | undefined;

/**
 * Returns the time at which the answers arrived that the event loop delivers together. The first of them sets it: the requests
 * that are sent before the others get their turn are no part of their time. wrk counts in the same way.
 */
function timeOfArrival(): number {
  if (arrival === undefined) {
    arrival = performance.now();
    queueMicrotask(() => arrival = undefined);
  }
  return arrival;
}

function isWhole(buffer: Uint8Array, length: number): boolean {
  const end = responseEnd(buffer, length);
  if (end === undefined) return false;
  if (end.status === 200 && end.bytes === length) return true;
  const text = new TextDecoder().decode(buffer.subarray(0, Math.min(length, 500)));
  throw broken(`it answered ${JSON.stringify(text)}`);
}

function enlarged(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (buffer.length >= answerBytesMax) throw broken(`an answer has more than ${answerBytesMax} bytes`);
  const larger = new Uint8Array(2 * buffer.length);
  larger.set(buffer);
  return larger;
}

function broken(reason: string): Failure {
  return new Failure("server-unready", `Cannot measure the server: ${reason}.`);
}
