/** Credentials, and when they expire. */
export interface Issued<T> {
  readonly value: T;
  /** Milliseconds since 1970-01-01T00:00:00Z; absent for those that do not expire. */
  readonly expiresAt?: number;
}

/** Credentials that are fetched when they are needed, and again before they expire. */
export interface Expiring<T> {
  get(): Promise<T>;
  /** Forgets credentials that were rejected. @returns False if they were fetched just now: others would be rejected, too. */
  drop(): boolean;
}

/** How long before their end credentials are replaced, at most: a request takes time, and clocks differ. */
const earlyMs = 300_000;
/** After a failure, credentials that are still valid are used for this time before the next attempt. */
const pauseMs = 10_000;
/** Rejected credentials that are older are fetched again. */
const freshMs = 5_000;

/** @param fetch Rejects with a `Failure` whose message has no secret. */
export function createExpiring<T>(
  fetch: () => Promise<Issued<T>>,
  now: () => number = Date.now,
): Expiring<T> {
  let issued: Issued<T> & { readonly fetchedAt: number } | undefined;
  let fetching: Promise<T> | undefined;
  let nextAttemptAt = 0;

  async function renew(): Promise<T> {
    try {
      const fetchedAt = now();
      issued = { ...await fetch(), fetchedAt };
      return issued.value;
    } catch (error) {
      const { expiresAt = 0, value } = issued ?? {};
      if (value === undefined || now() >= expiresAt) throw error;
      nextAttemptAt = now() + pauseMs;
      return value;
    } finally {
      fetching = undefined;
    }
  }

  /** Credentials of a short life are replaced after two thirds of it. */
  function isDue({ expiresAt, fetchedAt }: NonNullable<typeof issued>): boolean {
    if (expiresAt === undefined) return false;
    return now() >= expiresAt - Math.min(earlyMs, (expiresAt - fetchedAt) / 3);
  }

  return {
    async get() {
      if (issued && (!isDue(issued) || (now() < nextAttemptAt && now() < (issued.expiresAt ?? 0)))) {
        return issued.value;
      }
      return await (fetching ??= renew());
    },
    drop() {
      if (issued === undefined || now() - issued.fetchedAt < freshMs) return false;
      issued = undefined;
      nextAttemptAt = 0;
      return true;
    },
  };
}
