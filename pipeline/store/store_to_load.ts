import { Failure } from "../failure.ts";
import { layoutOf } from "./layout.ts";
import { isOlderFile } from "./upgrade/older_store.ts";
import { isUnused, tableNamesOf } from "./schema.ts";
import { sqliteCode } from "./sqlite_failure.ts";
import { openStore, type Store, type StoreOptions } from "./store.ts";
import { fileAt, removeDatabase } from "./store_file.ts";

export interface LoadTarget extends Pick<StoreOptions, "schema" | "freeBytesMin"> {
  /** Names of the tables to load into. */
  readonly tables: readonly string[];
}

/**
 * Opens the tables of a data folder to load into them, and creates them if there are none. If a new store is still empty when
 * it is closed, it is removed, so that the next load may use another schema.
 *
 * @throws {Failure} `table-unknown` for a table without a schema; as `openStore` does.
 */
export function openStoreToLoad(dataDir: string, { tables, ...options }: LoadTarget): Store {
  if (options.schema === undefined) requireKnown(dataDir, tables);
  const isNewFolder = fileAt(dataDir) === undefined;
  const store = openStore(dataDir, { mode: "create", ...options });
  if (!store.isNew) return store;
  return {
    ...store,
    close() {
      const isEmpty = isStillEmpty(store);
      store.close();
      if (!isEmpty) return;
      removeDatabase(store.path);
      if (isNewFolder) removeIfEmpty(dataDir);
    },
  };
}

/** Without a schema, a new store has the tables of loan offers. */
function requireKnown(dataDir: string, names: readonly string[]): void {
  const { tables, registry } = layoutOf(dataDir);
  const loanTables = tableNamesOf();
  const unknown = names.find((name) => !loanTables.includes(name));
  if (unknown === undefined || fileAt(tables) || isOlderFile(registry, {})) return;
  throw new Failure(
    "table-unknown",
    `There are no tables in ${dataDir} yet, and "${unknown}" is not one of the default tables. Create them from the SQL of ` +
      "your own tables and their view examples: clickwell ingest --schema FILE. The default tables are those of loan offers: " +
      `${loanTables.join(", ")}.`,
  );
}

/** Returns whether nothing was loaded, and no other connection has the store open. */
function isStillEmpty({ db, journal }: Store): boolean {
  try {
    if (db.isTransaction || !journal.use("rollback", 0)) return false;
    db.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
    const isEmpty = isUnused(db);
    db.exec("ROLLBACK");
    return isEmpty;
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error;
    return false;
  }
}

function removeIfEmpty(folder: string): void {
  try {
    Deno.removeSync(folder);
  } catch { /* It is not empty. */ }
}
