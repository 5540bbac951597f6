import { loggedRows } from "../../pipeline/ingest/load_log.ts";
import type { Registry } from "../../pipeline/model/registry.ts";
import { listTables } from "../../pipeline/store/table.ts";
import type { WithStore } from "./store_access.ts";

/** What the data folder says about itself, for whoever watches the server; each fact by itself, where it can be read. */
export interface StoreFacts {
  /** Rows per table after the last load into it: to count them would take a second per some ten million. */
  readonly rows: ReadonlyMap<string, number> | undefined;
  /** When the model was registered, in seconds since 1970. */
  readonly trainedAt: number | undefined;
}

/** Looks again where what is known of the model is older than this. */
const keptMs = 10_000;

/** @returns A function that never rejects: what cannot be read now is what was known last, if anything. */
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
    if (known.modelId === modelId && now() - known.at < keptMs) return known.facts;
    const last = known.modelId === modelId ? known.facts.trainedAt : undefined;
    let at = now();
    const unread = <T>(kept: T) => {
      // To be asked again at once.
      at = -Infinity;
      return kept;
    };
    // Whether a file can be used is told by those who need it; a scrape tells what there is to tell.
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
