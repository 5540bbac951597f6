import { loggedRows } from "../../pipeline/ingest/load_log.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import { listTables } from "../../pipeline/store/table.ts";
import type { WithStore } from "./store_access.ts";

/** Facts about the data folder for `/metrics`. Each is read by itself and undefined if it was never readable. */
export interface StoreFacts {
  /** Rows per table after the last load: counting them would take a second per ten million. */
  readonly rows: ReadonlyMap<string, number> | undefined;
  /** When the model was registered, in seconds since 1970. */
  readonly trainedAt: number | undefined;
}

/** Facts that are older are read again. */
const maxAgeMs = 10_000;

/** @returns A function that never rejects: a fact that cannot be read keeps its last value. */
export function createStoreFacts(
  { withStore, registry }: { readonly withStore: WithStore; readonly registry: Registry },
  now: () => number = () => performance.now(),
): (modelId: string | undefined) => Promise<StoreFacts> {
  let known: { readonly facts: StoreFacts; readonly modelId: string | undefined; readonly at: number } = {
    facts: { rows: undefined, trainedAt: undefined },
    modelId: undefined,
    at: -Infinity,
  };
  const readRows = () =>
    withStore((store) =>
      new Map(listTables(store.db).map((table) => [table.name, loggedRows(store, table)]))
    );
  return async (modelId) => {
    if (known.modelId === modelId && now() - known.at < maxAgeMs) return known.facts;
    const last = known.modelId === modelId ? known.facts.trainedAt : undefined;
    let at = now();
    const unread = <T>(kept: T) => {
      // The next call reads again.
      at = -Infinity;
      return kept;
    };
    // A store that cannot be read is reported by the routes that need it; a scrape reports what is available.
    const [rows, trainedAt] = await Promise.all([
      readRows().catch(() => unread(known.facts.rows)),
      modelId === undefined
        ? undefined
        : registry.findModel(modelId).then(({ createdAt }) => createdAt / 1e6, () => unread(last)),
    ]);
    known = { facts: { rows, trainedAt }, modelId, at };
    return known.facts;
  };
}
