import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Cell } from "../files/columns/batch.ts";
import { knownSql } from "./insertion_sql.ts";
import { limitCache } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import type { Table, TableColumn } from "../store/table.ts";

/**
 * The table as it was before the transaction that is under way: in WAL mode a second connection sees what is committed. It
 * tells rows that were there before from those that the same file brought.
 */
export interface Snapshot {
  /** How many rows of a chunk have a key that was there before. */
  count(chunk: { readonly rowCount: number; readonly cells: readonly Cell[] }): number;
  close(): void;
}

/** @param columns The columns of each chunk, the table's key among them. */
export function openSnapshot(store: Store, table: Table, columns: readonly TableColumn[]): Snapshot {
  const db = new DatabaseSync(store.path, { readOnly: true });
  db.exec("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF");
  limitCache(db, 16 * 2 ** 20);
  const statements = new Map<number, StatementSync>();
  const places = table.key.map((name) => columns.findIndex((column) => column.name === name));
  return {
    count({ rowCount, cells }) {
      let statement = statements.get(rowCount);
      if (!statement) statements.set(rowCount, statement = db.prepare(knownSql(table, rowCount)));
      const keys = Array.from(
        { length: rowCount },
        (_, i) => places.map((place) => cells[i * columns.length + place]),
      );
      return Number(statement.get(...keys.flat())?.n);
    },
    close: () => db.close(),
  };
}
