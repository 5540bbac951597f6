import { basename, resolve } from "node:path";
import { Failure, usageInvalid } from "../failure.ts";
import { layoutOf } from "./layout.ts";
import { isOlderFile } from "./upgrade/older_store.ts";
import { differingTables, isUnused, tableNamesOf } from "./schema.ts";
import { sqliteCode } from "./sqlite_failure.ts";
import { openStore, type Store, type StoreOptions } from "./store.ts";
import { fileAt, removeDatabase } from "./store_file.ts";
import { listTables } from "./table.ts";

export interface LoadTarget extends Pick<StoreOptions, "schema" | "freeBytesMin"> {
  /** Names of the tables to load into. */
  readonly tables: readonly string[];
}

export interface StoreToLoad extends Store {
  /** Makes `close()` remove a new store with all that was loaded into it. */
  discard(): void;
}

/**
 * Opens the tables of a data folder to load into them, and creates them if there are none. If a new store is still empty when
 * it is closed, it is removed, so that the next load may use another schema.
 *
 * @throws {Failure} `table-unknown` for a table without a schema; as `openStore` does.
 */
export function openStoreToLoad(dataDir: string, { tables, ...options }: LoadTarget): StoreToLoad {
  if (options.schema === undefined) requireKnown(dataDir, tables);
  const isNewFolder = fileAt(dataDir) === undefined;
  const store = openStore(dataDir, { mode: "create", ...options });
  if (!store.isNew) return { ...store, discard() {} };
  let isDiscarded = false;
  return {
    ...store,
    discard: () => void (isDiscarded = true),
    close() {
      const isRemoved = isAlone(store, ({ db }) => isDiscarded || isUnused(db));
      store.close();
      if (!isRemoved) return;
      removeDatabase(store.path);
      if (isNewFolder) removeIfEmpty(dataDir);
    },
  };
}

/**
 * Checks that a data folder is free for the tables of a schema: it has none, nothing was ever loaded into them, or they are of
 * the same schema. Changes nothing.
 *
 * @param files The files that are meant for the folder.
 * @param flag The flag that names the folder.
 * @throws {Failure} `usage-invalid` if it has other tables; as `openStore` for tables that cannot be read.
 */
export function requireFreeFolder(
  dataDir: string,
  schema: string,
  files: readonly string[],
  flag = "--data",
): void {
  const store = openStoreIfAny(dataDir);
  if (!store) return;
  try {
    const differing = differingTables(store.db, schema);
    if (differing.length === 0 || isUnused(store.db)) return;
    const names = listTables(store.db).map(({ name }) => name);
    const wanted = tableNamesOf(schema);
    const other = `${flag} ${basename(resolve(dataDir)) === "mine" ? "mine2" : "mine"}`;
    throw usageInvalid(
      wanted.every((name) => names.includes(name))
        ? `Cannot use ${dataDir} for ${files.join(", ")}: it holds ${
          names.join(", ")
        } with other columns, types or comments. Load more rows with clickwell ingest --data ${dataDir} --table ${
          wanted[0]
        }=FILE, or choose another folder: ${other}`
        : `Cannot use ${dataDir} for ${files.join(", ")}: it holds other tables (${
          names.join(", ")
        }). Choose another folder: ${other}`,
    );
  } finally {
    store.close();
  }
}

/** Opens the tables of a data folder for reading. @returns undefined if there are none, or if their creation was killed. */
export function openStoreIfAny(dataDir: string): Store | undefined {
  const { tables, registry } = layoutOf(dataDir);
  if (fileAt(tables) === undefined && !isOlderFile(registry, {})) return undefined;
  try {
    return openStore(dataDir, { mode: "read" });
  } catch (error) {
    if (error instanceof Failure && error.kind === "store-missing") return undefined;
    throw error;
  }
}

/** Returns whether nothing was ever loaded into a data folder. */
export function hasNoRows(dataDir: string): boolean {
  const store = openStoreIfAny(dataDir);
  if (!store) return true;
  try {
    return isUnused(store.db);
  } finally {
    store.close();
  }
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

/** Returns whether no other connection has the store open, and it is as expected. */
function isAlone(store: Store, isExpected: (store: Store) => boolean): boolean {
  const { db, journal } = store;
  try {
    if (db.isTransaction || !journal.use("rollback", 0)) return false;
    db.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
    const isSo = isExpected(store);
    db.exec("ROLLBACK");
    return isSo;
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
