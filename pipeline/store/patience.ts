import { Failure } from "../failure.ts";

const pauseMs = 25;

/**
 * Tries until the store is not busy, with pauses that leave the thread to others.
 *
 * @throws What the last try threw: `store-busy` only when the time is over.
 */
export async function retryWhileBusy<T>(patienceMs: number, attempt: () => T): Promise<T> {
  for (const deadline = performance.now() + patienceMs;;) {
    try {
      return attempt();
    } catch (error) {
      const busy = error instanceof Failure && error.kind === "store-busy";
      if (!busy || performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
