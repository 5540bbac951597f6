import { join } from "node:path";
import { isMarker, missingMarkers } from "../pipeline/init/missing_markers.ts";
import type { Proposal } from "../pipeline/init/proposal.ts";
import { type ColumnTypes, widenProposal } from "../pipeline/init/widen.ts";
import { layoutOf } from "../pipeline/store/layout.ts";
import type { Store } from "../pipeline/store/store.ts";
import { fileAt } from "../pipeline/store/store_file.ts";
import { openStoreIfAny } from "../pipeline/store/store_to_load.ts";
import { findTable, listTables } from "../pipeline/store/table.ts";
import { readConfig } from "./cli/config_file.ts";
import type { Terminal } from "./cli/terminal.ts";
import { sayWidened } from "./widen_config.ts";

/**
 * Returns a function that gives a proposal the types of the columns of a data folder's store, and the texts for no value in its
 * settings: an earlier load of the files may have needed wider ones, and more.
 */
export function adaptedTo(dataDir: string): (proposal: Proposal) => Proposal {
  const stored = { types: storedTypes(dataDir), nulls: storedNulls(dataDir) };
  return (proposal) => withNulls(widenProposal(proposal, stored.types) ?? proposal, stored.nulls);
}

export interface WidenContext {
  readonly store: Store;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Widens the columns of a proposal, and says what changes. @returns undefined if nothing does. */
export async function widenedProposal(
  wider: ColumnTypes,
  proposal: Proposal,
  { store, terminal, signal }: WidenContext,
): Promise<{ proposal: Proposal; tables: string[] } | undefined> {
  const { types, nulls } = await withoutMarkers(wider, proposal, { store, signal });
  const widened = widenProposal(proposal, types);
  if (!widened || (widened === proposal && nulls.size === 0)) return undefined;
  for (const text of nulls) {
    terminal.say(`${JSON.stringify(text)} means no value, in a row that was not looked at`);
  }
  sayWidened(terminal, types);
  return { proposal: withNulls(widened, nulls), tables: [...types.keys()] };
}

/** Takes out the columns that become texts only because of texts that mean no value. */
async function withoutMarkers(
  types: ColumnTypes,
  { tables, format }: Proposal,
  { store, signal }: { store: Store; signal: AbortSignal },
): Promise<{ types: ColumnTypes; nulls: ReadonlySet<string> }> {
  const nulls = new Set<string>();
  const needed = new Map(types);
  for (const [name, columns] of types) {
    const texts = [...columns].filter(([, type]) => type === "TEXT").map(([column]) => column);
    const paths = tables.find((table) => table.name === name)?.paths ?? [];
    const table = findTable(listTables(store.db), name);
    const missing = await missingMarkers(table, texts, { paths, format, signal });
    for (const text of missing.nulls) nulls.add(text);
    needed.set(name, new Map([...columns].filter(([column]) => !missing.columns.has(column))));
  }
  return { types: needed, nulls };
}

/** Returns the texts for no value in the settings that an earlier load has written. */
function storedNulls(dataDir: string): ReadonlySet<string> {
  const path = join(dataDir, "clickwell.json");
  if (fileAt(layoutOf(dataDir).tables) === undefined || fileAt(path) === undefined) return new Set();
  const { null: nulls } = readConfig(path);
  return new Set(Array.isArray(nulls) ? nulls.filter(isMarker) : []);
}

function withNulls(proposal: Proposal, nulls: ReadonlySet<string>): Proposal {
  if (nulls.size === 0) return proposal;
  const { format } = proposal;
  return { ...proposal, format: { ...format, nulls: [...new Set([...format.nulls ?? [], ...nulls])] } };
}

/** Returns the types of the columns of the store: an earlier load of the files may have needed wider ones. */
function storedTypes(dataDir: string): ColumnTypes {
  const store = openStoreIfAny(dataDir);
  if (!store) return new Map();
  try {
    return new Map(
      listTables(store.db).map((
        { name, columns },
      ) => [name, new Map(columns.map(({ name, type }) => [name, type]))]),
    );
  } finally {
    store.close();
  }
}
