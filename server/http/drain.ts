import { hasUnreadBodies } from "./body_deadline.ts";
import { type Lifecycle, waitUntilIdle, withTimeout } from "../runtime/lifecycle.ts";
import type { Listener } from "../runtime/listener.ts";

/** For answers that are on their way when the time is over. */
const lastWordsMs = 200;
/** For answers that are on their way when everything is answered. */
const answeredMs = 1_000;

/**
 * Finishes what is in flight, then takes no more connections.
 *
 * @param timeoutMs What is not finished by then is broken off.
 * @returns False where some connections were still busy.
 */
export async function drainListener(
  listener: Listener,
  lifecycle: Pick<Lifecycle, "inFlight">,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  // Before the port is closed: when it is, the runtime breaks off bodies that are not complete.
  const idle = await waitUntilIdle(lifecycle, timeoutMs);
  if (!idle) {
    listener.abort();
    return false;
  }
  const leftMs = Math.max(deadline - performance.now(), lastWordsMs);
  // All is answered. A client whose body was given up is not waited for: it may never leave.
  if (!hasUnreadBodies()) return await withTimeout(listener.drain(), leftMs);
  await withTimeout(listener.drain(), Math.min(leftMs, answeredMs));
  return true;
}
