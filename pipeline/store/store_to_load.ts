import { Failure } from "../failure.ts";
import { layoutOf } from "./layout.ts";
import { isOlderFile } from "./upgrade/older_store.ts";
import { isUnused, tableNamesOf } from "./schema.ts";
import { sqliteCode } from "./sqlite_failure.ts";
import { openStore, type Store, type StoreOptions } from "./store.ts";
import { fileAt, removeDatabase } from "./store_file.ts";

export interface LoadTarget extends Pick<StoreOptions, "schema" | "freeBytesMin"> {
  /** What is to be loaded into. */
  readonly tables: readonly string[];
}

/**
 * Opens the tables of a data folder to load into them, and makes them if there are none. Those that were made for a load of
 * which nothing came go again when the store is closed: the next one may bring another schema.
 *
 * @throws {Failure} `table-unknown` for a table of which nothing says what it is; as `openStore` does.
 */
export function openStoreToLoad(dataDir: string, { tables, ...options }: LoadTarget): Store {
  if (options.schema === undefined) requireKnown(dataDir, tables);
  const isNewFolder = fileAt(dataDir) === undefined;
  const store = openStore(dataDir, { mode: "create", ...options });
  if (!store.isNew) return store;
  return {
    ...store,
    close() {
      const isOfNoUse = hasNothing(store);
      store.close();
      if (!isOfNoUse) return;
      removeDatabase(store.path);
      if (isNewFolder) removeIfEmpty(dataDir);
    },
  };
}

/** Without a schema, tables that are not there yet are those of loan offers. */
function requireKnown(dataDir: string, names: readonly string[]): void {
  const { tables, registry } = layoutOf(dataDir);
  const loanTables = tableNamesOf();
  const unknown = names.find((name) => !loanTables.includes(name));
  if (unknown === undefined || fileAt(tables) || isOlderFile(registry, {})) return;
  throw new Failure(
    "table-unknown",
    `There are no tables in ${dataDir} yet, so that nothing says what "${unknown}" is. Make them with the SQL of your own ` +
      "tables and their view examples: clickwell ingest --schema FILE. Without it they are those of loan offers: " +
      `${loanTables.join(", ")}.`,
  );
}

/** Whether nothing was loaded, and nobody else has the store open to do so. */
function hasNothing({ db, journal }: Store): boolean {
  try {
    if (db.isTransaction || !journal.use("rollback", 0)) return false;
    db.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
    const isOfNoUse = isUnused(db);
    db.exec("ROLLBACK");
    return isOfNoUse;
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error;
    return false;
  }
}

function removeIfEmpty(folder: string): void {
  try {
    Deno.removeSync(folder);
  } catch { /* Something is in it. */ }
}
