import { loggedRows } from "../pipeline/ingest/load_log.ts";
import type { Registry } from "../pipeline/model/registry.ts";
import { listTables } from "../pipeline/store/table.ts";
import type { VisitStore } from "./store_visit.ts";

/** What the store says about itself, for whoever watches the server. */
export interface StoreFacts {
  /** Rows per table after the last load into it: to count them would take a second per some ten million. */
  readonly rows: ReadonlyMap<string, number>;
  /** When the model was registered, in seconds since 1970. */
  readonly trainedAt: number | undefined;
}

/** Looks again where what is known of the model is older than this. */
const keptMs = 10_000;

/** @returns A function that never rejects: where the store cannot be read, it returns what was known last, if anything. */
export function createStoreFacts(
  { visitStore, registry }: { readonly visitStore: VisitStore; readonly registry: Registry },
  now: () => number = () => performance.now(),
): (modelId: string | undefined) => Promise<StoreFacts | undefined> {
  let known:
    | { readonly facts: StoreFacts; readonly modelId: string | undefined; readonly at: number }
    | undefined;
  return async (modelId) => {
    if (known && known.modelId === modelId && now() - known.at < keptMs) return known.facts;
    try {
      const facts = {
        rows: await visitStore((store) =>
          new Map(listTables(store.db).map((table) => [table.name, loggedRows(store, table)]))
        ),
        trainedAt: modelId === undefined ? undefined : (await registry.findModel(modelId)).createdAt / 1e6,
      };
      known = { facts, modelId, at: now() };
    } catch {
      // Whether the store can be used is told by those who need it; a scrape tells what there is to tell.
      if (known?.modelId !== modelId) known = undefined;
    }
    return known?.facts;
  };
}
