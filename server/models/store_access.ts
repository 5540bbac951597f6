import { asFailure, retryWhileBusy } from "../../pipeline/store/sqlite_failure.ts";
import { openStore, type Store } from "../../pipeline/store/store.ts";

/** Opens the store for one piece of reading and closes it again. */
export type WithStore = <T>(work: (store: Store) => T) => Promise<T>;

/** How long one try may block the thread that also answers predictions. */
const busyTimeoutMs = 5;

/**
 * Visits take no longer than their work: where another process writes, they wait between tries without blocking the
 * thread. Nothing is kept open, so a store may be restored, moved or made while the server runs.
 *
 * @param patienceMs How long to wait for a store that is busy.
 */
export function createStoreAccess(dataDir: string, patienceMs = 2_000): WithStore {
  return (work) =>
    retryWhileBusy(patienceMs, () => {
      try {
        return visit(dataDir, work);
      } catch (error) {
        throw asFailure(error, "use the store");
      }
    });
}

function visit<T>(dataDir: string, work: (store: Store) => T): T {
  const store = openStore(dataDir, { mode: "read", busyTimeoutMs });
  try {
    return work(store);
  } finally {
    store.close();
  }
}
