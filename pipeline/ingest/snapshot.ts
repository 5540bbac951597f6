import type { StatementSync } from "node:sqlite";
import { knownSql, type StatementRows } from "./insertion_sql.ts";
import { openReadingConnection } from "../store/reading_connection.ts";
import type { Table, TableColumn } from "../store/table.ts";

/**
 * The table before the open transaction: in WAL mode, a second connection sees only committed rows. It distinguishes rows
 * that existed before from those that the same file added.
 */
export type Snapshot = ReturnType<typeof openSnapshot>;

/** @param columns The columns of the rows, including the table's key. */
export function openSnapshot(path: string, table: Table, columns: readonly TableColumn[]) {
  const db = openReadingConnection(path, { mappedBytes: 0, cacheBytes: 16 * 2 ** 20 });
  const statements = new Map<number, StatementSync>();
  const places = table.key.map((name) => columns.findIndex((column) => column.name === name));
  return {
    /** Returns the number of rows whose key existed before. */
    count({ rowCount, cells }: StatementRows): number {
      const prepare = () => db.prepare(knownSql(table, rowCount));
      const keys = Array.from(
        { length: rowCount },
        (_, i) => places.map((place) => cells[i * columns.length + place]),
      );
      return Number(statements.getOrInsertComputed(rowCount, prepare).get(...keys.flat())?.n);
    },
    close: (): void => db.close(),
  };
}
