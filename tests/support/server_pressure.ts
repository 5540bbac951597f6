import { Worker } from "node:worker_threads";
import { row } from "./served_models.ts";

/** Memory of a process in MiB: now, and the most that it has had. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? NaN) / 1024;
  return { now: of("VmRSS"), peak: of("VmHWM") };
}

/** More than that above what a server has when it is idle is more than an attack may make it take. */
export const attackMegabytesMax = 256;
/** And longer than that no other prediction may take meanwhile. */
export const attackLatencyMaxMs = 100;

export interface OtherPredictions {
  /** The 99th percentile of each round, in milliseconds. */
  readonly rounds: readonly number[];
  /** Of all answers. */
  readonly statuses: ReadonlySet<number>;
}

const perRound = 50;

/**
 * Sends plain predictions while something else is going on, in rounds. Machines that run tests are busy with other things: one
 * round that is good shows what the server itself needs, and ends it.
 *
 * @param isOver Ends it at the next round.
 */
export async function predictMeanwhile(origin: string, isOver: () => boolean): Promise<OtherPredictions> {
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

/** The same from a thread of its own, for at most so long. */
export async function predictInOtherThread(origin: string, timeoutMs: number): Promise<OtherPredictions> {
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

/** Sends the same request again and again, several at a time, until it is told to stop. @returns The statuses that came. */
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
