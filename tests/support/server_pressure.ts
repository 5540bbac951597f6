import { Worker } from "node:worker_threads";
import { row } from "./served_models.ts";

/** Returns the resident memory of a process, now and at its peak, in MiB. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? NaN) / 1024;
  return { now: of("VmRSS"), peak: of("VmHWM") };
}

/** Memory that an attack may add to that of an idle server. */
export const attackMegabytesMax = 256;
/** Time that other predictions may take during an attack. */
export const attackLatencyMaxMs = 100;

export interface BackgroundPredictions {
  /** The 99th percentile of each round, in milliseconds. */
  readonly rounds: readonly number[];
  /** Of all responses. */
  readonly statuses: ReadonlySet<number>;
}

const perRound = 50;

/**
 * Sends plain predictions during an attack, in rounds. Machines that run tests are busy with other things: one good round shows
 * what the server itself needs, and ends the measurement.
 *
 * @param isOver Ends the measurement after the current round.
 */
export async function measurePredictions(
  origin: string,
  isOver: () => boolean,
): Promise<BackgroundPredictions> {
  const rounds: number[] = [];
  const statuses = new Set<number>();
  const body = JSON.stringify(row);
  while (!isOver() && !rounds.some((p99) => p99 <= attackLatencyMaxMs)) {
    const durations: number[] = [];
    for (let i = 0; i < perRound; i++) {
      const from = performance.now();
      const response = await fetch(`${origin}/predict`, { method: "POST", body });
      statuses.add(response.status);
      await response.body?.cancel();
      durations.push(performance.now() - from);
    }
    durations.sort((a, b) => a - b);
    rounds.push(durations[Math.ceil(0.99 * perRound) - 1]);
  }
  return { rounds, statuses };
}

/** Runs {@link measurePredictions} in another thread, for at most `timeoutMs`. */
export async function measurePredictionsInThread(
  origin: string,
  timeoutMs: number,
): Promise<BackgroundPredictions> {
  const worker = new Worker(new URL("./prediction_worker.ts", import.meta.url), {
    workerData: { origin, timeoutMs },
  });
  try {
    return await new Promise((resolve, reject) => {
      worker.on("message", resolve);
      worker.on("error", reject);
    });
  } finally {
    await worker.terminate();
  }
}

/** Repeats a request, `parallel` at a time, until `isOver`. @returns The statuses received. */
export async function repeatUntil(
  isOver: () => boolean,
  parallel: number,
  send: (index: number) => Promise<Response>,
): Promise<ReadonlySet<number>> {
  const statuses = new Set<number>();
  let index = 0;
  await Promise.all(Array.from({ length: parallel }, async () => {
    do {
      const response = await send(index++);
      statuses.add(response.status);
      await response.arrayBuffer();
    } while (!isOver());
  }));
  return statuses;
}
