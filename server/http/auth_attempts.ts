/** Counts what went wrong, per client and minute. */
export interface AttemptLimiter {
  /** True where a client has failed too often within the last minute. */
  exceeded(client: string): boolean;
  failed(client: string): void;
}

export const failuresPerMinute = 10;
const windowMs = 60_000;
/** Clients remembered at the most; the one that is longest known is forgotten first. */
const clientsMax = 10_000;

/** @param now Milliseconds of a clock that only goes forward. */
export function createAttemptLimiter(now: () => number = () => performance.now()): AttemptLimiter {
  const windows = new Map<string, { since: number; failures: number }>();
  const current = (client: string) => {
    const window = windows.get(client);
    return window && now() - window.since < windowMs ? window : undefined;
  };
  return {
    exceeded: (client) => (current(client)?.failures ?? 0) >= failuresPerMinute,
    failed(client) {
      const window = current(client);
      if (window) {
        window.failures++;
        return;
      }
      windows.delete(client);
      windows.set(client, { since: now(), failures: 1 });
      if (windows.size > clientsMax) windows.delete(windows.keys().next().value ?? "");
    },
  };
}
