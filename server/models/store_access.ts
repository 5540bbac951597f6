import { asFailure, retryWhileBusy } from "../../pipeline/store/sqlite_failure.ts";
import { openStore, type Store } from "../../pipeline/store/store.ts";

/** Opens the store for reading, runs `work` and closes the store. */
export type WithStore = <T>(work: (store: Store) => T) => Promise<T>;

/** How long one attempt may block the thread, which also answers predictions. */
const busyTimeoutMs = 5;

/**
 * While another process writes, attempts are repeated with waits that do not block the thread. The store is never kept open,
 * so it may be restored, moved or created while the server runs.
 *
 * @param patienceMs How long to wait for a store that is busy.
 */
export function createStoreAccess(dataDir: string, patienceMs = 2_000): WithStore {
  return (work) =>
    retryWhileBusy(patienceMs, () => {
      try {
        return readStore(dataDir, work);
      } catch (error) {
        throw asFailure(error, "use the store");
      }
    });
}

function readStore<T>(dataDir: string, work: (store: Store) => T): T {
  const store = openStore(dataDir, { mode: "read", busyTimeoutMs });
  try {
    return work(store);
  } finally {
    store.close();
  }
}
