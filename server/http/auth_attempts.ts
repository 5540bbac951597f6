import { createLru } from "../../pipeline/runtime/lru.ts";

/** Counts failed attempts per client and minute. */
export type AttemptLimiter = ReturnType<typeof createAttemptLimiter>;

export const failuresPerMinute = 10;
const windowMs = 60_000;
/** Clients that are remembered; the oldest is dropped first. */
const clientsMax = 10_000;

/** @param now Milliseconds of a monotonic clock. */
export function createAttemptLimiter(now: () => number = () => performance.now()) {
  const windows = createLru<{ readonly since: number; failures: number }>(clientsMax);
  const current = (client: string) => {
    const window = windows.peek(client);
    return window && now() - window.since < windowMs ? window : undefined;
  };
  return {
    /** True if the client has failed too often within the last minute. */
    exceeded: (client: string): boolean => (current(client)?.failures ?? 0) >= failuresPerMinute,
    failed(client: string): void {
      const window = current(client) ?? windows.set(client, { since: now(), failures: 0 });
      window.failures++;
    },
  };
}
