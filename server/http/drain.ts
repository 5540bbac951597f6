import { hasUnreadBodies } from "./body_deadline.ts";
import { type Lifecycle, waitUntilIdle, withTimeout } from "../runtime/lifecycle.ts";
import type { Listener } from "../runtime/listener.ts";

/** Time to send answers when the timeout is over. */
const graceMs = 200;
/** Time to send answers when every request is answered. */
const answeredMs = 1_000;

/**
 * Waits for the requests in flight, then closes the listener.
 *
 * @param timeoutMs Requests that take longer are aborted.
 * @returns False if some connections were still busy.
 */
export async function drainListener(
  listener: Listener,
  lifecycle: Pick<Lifecycle, "inFlight">,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  // Before the port is closed: closing it aborts bodies that are not complete.
  const idle = await waitUntilIdle(lifecycle, timeoutMs);
  if (!idle) {
    listener.abort();
    return false;
  }
  const leftMs = Math.max(deadline - performance.now(), graceMs);
  // Every request is answered. A client whose body was abandoned may never close its connection.
  if (!hasUnreadBodies()) return await withTimeout(listener.drain(), leftMs);
  await withTimeout(listener.drain(), Math.min(leftMs, answeredMs));
  return true;
}
