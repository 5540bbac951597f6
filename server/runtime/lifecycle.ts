import type { SharedState } from "./shared_state.ts";

/** Where the server is in its life, as one of its threads sees it. */
export interface Lifecycle {
  /** The server ends: what is in flight is finished, and load balancers are told to look elsewhere. */
  draining: boolean;
  /** Requests that have come to this thread and are not answered yet. */
  inFlight: number;
}

/** @param board Says for all threads whether the server ends. */
export function createLifecycle(board: Pick<SharedState, "draining">): Lifecycle {
  return {
    inFlight: 0,
    get draining() {
      return board.draining;
    },
    set draining(value) {
      board.draining = value;
    },
  };
}

const lookEveryMs = 20;

/**
 * Waits until no request is in flight. Others may come and go meanwhile: most are answered before anybody can look.
 *
 * @returns False where that took too long.
 */
export async function waitUntilIdle(
  lifecycle: Pick<Lifecycle, "inFlight">,
  timeoutMs: number,
): Promise<boolean> {
  for (const deadline = performance.now() + timeoutMs; lifecycle.inFlight > 0;) {
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
  return true;
}

/** @returns False where the work takes longer. */
export async function withTimeout(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), timeoutMs));
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
