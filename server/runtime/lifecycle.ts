import type { SharedState } from "./shared_state.ts";

/** State of the server, as one of its threads sees it. */
export interface Lifecycle {
  /** The server is stopping: it finishes requests in flight and reports "not ready" to load balancers. */
  draining: boolean;
  /** Requests of this thread that are not answered yet. */
  inFlight: number;
}

/** @param sharedState Holds `draining` for all threads. */
export function createLifecycle(sharedState: Pick<SharedState, "draining">): Lifecycle {
  return {
    inFlight: 0,
    get draining() {
      return sharedState.draining;
    },
    set draining(value) {
      sharedState.draining = value;
    },
  };
}

const pollIntervalMs = 20;

/**
 * Waits until no request is in flight. Polls: most requests that arrive in this time are answered between two polls.
 *
 * @returns False if the time ran out.
 */
export async function waitUntilIdle(
  lifecycle: Pick<Lifecycle, "inFlight">,
  timeoutMs: number,
): Promise<boolean> {
  for (const deadline = performance.now() + timeoutMs; lifecycle.inFlight > 0;) {
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, pollIntervalMs));
  }
  return true;
}

/** Waits for `work`, but no longer than `timeoutMs`. @returns False if the time ran out. */
export async function withTimeout(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), timeoutMs));
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
