import { Failure } from "../pipeline/failure.ts";
import { asFailure } from "../pipeline/store/sqlite_failure.ts";
import { openStore, type Store } from "../pipeline/store/store.ts";

/** Opens the store for one piece of work and closes it again. */
export type VisitStore = <T>(mode: "read" | "write", work: (store: Store) => T) => Promise<T>;

/** How long one try may block the thread that also answers predictions. */
const busyTimeoutMs = 5;
const pauseMs = 25;

/**
 * Visits take no longer than their work: where another process writes, they wait between tries without blocking the
 * thread. Nothing is kept open, so a store may be restored, moved or made while the server runs.
 *
 * @param patienceMs How long to wait for a store that is busy.
 */
export function createVisits(dataDir: string, patienceMs = 2_000): VisitStore {
  return (mode, work) =>
    whileBusy(patienceMs, () => {
      try {
        return visit(dataDir, mode, work);
      } catch (error) {
        throw asFailure(error, "use the store");
      }
    });
}

/**
 * Tries until the store is not busy, with pauses that leave the thread to others.
 *
 * @throws What the last try threw: `store-busy` only when the time is over.
 */
export async function whileBusy<T>(patienceMs: number, attempt: () => T): Promise<T> {
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

function visit<T>(dataDir: string, mode: "read" | "write", work: (store: Store) => T): T {
  const store = openStore(dataDir, { mode, busyTimeoutMs });
  try {
    return work(store);
  } finally {
    store.close();
  }
}
