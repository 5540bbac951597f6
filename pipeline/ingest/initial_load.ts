import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { quoted } from "../store/sqlite.ts";
import { registryFileName } from "../store/layout.ts";
import type { Store } from "../store/store.ts";
import { comparesBytes, type Table } from "../store/table.ts";
import { keysMax } from "./key_set.ts";
import { type Reference, referencesOf } from "./reference.ts";

/** Whether a store is filled for the first time, when all of what is in it is known from the files that are read. */
export interface InitialLoad {
  /** Whether all keys that a table's rows may refer to have been told of, and the table has no rows. */
  isSelfContained(table: Table): boolean;
  /** A file of the table has been read. @param rows undefined where it is not known how many. */
  addRowsRead(table: Table, rows: number | undefined): void;
  /** The keys of the table's rows are known to who reads the files. */
  addKnownKeys(table: string): void;
}

/** @param keepsKeys Whether the text keys of parents are kept as they are read, up to `keysMax`. */
export function createInitialLoad(
  store: Store,
  tables: readonly Table[],
  { keepsKeys }: { keepsKeys: boolean },
): InitialLoad {
  const changes = store.journal.externalChanges();
  const isFirst = isUntouched(store, tables);
  const rowsRead = new Map<string, number>();
  const known = new Set<string>();
  const isKnown = ({ table, column, parent }: Reference) =>
    known.has(parent) ||
    (keepsKeys && (rowsRead.get(parent) ?? 0) <= keysMax && typeOf(tables, table, column) === "TEXT" &&
      typeOf(tables, parent, column) === "TEXT");
  return {
    isSelfContained: (table) =>
      isFirst && store.journal.externalChanges() === changes && !rowsRead.has(table.name) &&
      referencesOf(table, tables).every(isKnown),
    addRowsRead: ({ name }, rows = Infinity) => void rowsRead.set(name, (rowsRead.get(name) ?? 0) + rows),
    addKnownKeys: (table) => void known.add(table),
  };
}

/** No rows, none that a trigger could add, no keys that SQLite compares in a way of its own, and nobody who serves from it. */
function isUntouched(store: Store, tables: readonly Table[]): boolean {
  const { db } = store;
  const isThere = (sql: string, ...names: string[]) => db.prepare(sql).get(...names) !== undefined;
  const isServed = existsSync(join(dirname(store.path), registryFileName));
  return !isThere("SELECT 1 FROM loads") && !isServed &&
    tables.every((table) =>
      !isThere(`SELECT 1 FROM ${quoted(table.name)} LIMIT 1`) && comparesBytes(store, table) &&
      !isThere("SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?", table.name)
    );
}

function typeOf(tables: readonly Table[], table: string, column: string): string | undefined {
  return tables.find(({ name }) => name === table)?.columns.find(({ name }) => name === column)?.type;
}
