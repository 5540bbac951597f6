import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Cell, cellAt, gatherColumn } from "./batch.ts";
import type { ColumnBuffer } from "./column_buffer.ts";
import { quoted } from "./identifier.ts";
import { orderByKey } from "./key_order.ts";
import type { Reference } from "./reference.ts";
import type { Run } from "./run.ts";

/** Counts rows whose parent is not in the store, as the rows are read. */
export interface OrphanCounter {
  /** Looks the run's rows up. */
  add(run: Run): void;
  /** For each reference, the rows so far. A row that refers to nothing, NULL, is none. */
  counts(): number[];
  close(): void;
}

const chunkKeys = 128;

/** @param storePath Parents are those that are committed there. */
export function openOrphanCounter(storePath: string, references: readonly Reference[]): OrphanCounter {
  const db = new DatabaseSync(storePath, { readOnly: true });
  db.exec("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -32768");
  const statements = references.map((reference) => {
    const prepared = new Map<number, StatementSync>();
    return (count: number) => {
      let statement = prepared.get(count);
      if (!statement) prepared.set(count, statement = db.prepare(orphanSql(reference, count)));
      return statement;
    };
  });
  const counts = references.map(() => 0);
  return {
    add({ columns, buffers }) {
      for (const [r, { column }] of references.entries()) {
        const buffer = buffers[columns.findIndex(({ name }) => name === column)];
        if (!buffer) continue;
        for (const keys of sortedKeys(buffer)) counts[r] += Number(statements[r](keys.length).get(...keys)?.n);
      }
    },
    counts: () => [...counts],
    close: () => db.close(),
  };
}

/** Keys in their order: SQLite finds one on the page of the last one in a third of the time. */
function* sortedKeys(buffer: ColumnBuffer): Generator<Cell[]> {
  const order = orderByKey(buffer).filter((place) => buffer.nulls[place] === 0);
  for (let start = 0; start < order.length; start += chunkKeys) {
    const places = order.subarray(start, start + chunkKeys);
    const column = gatherColumn(buffer, places);
    yield Array.from(places, (_, i) => cellAt(column, i));
  }
}

/** Parameters: the keys. */
function orphanSql({ column, parent }: Reference, count: number): string {
  const keys = Array.from({ length: count }, () => "(?)").join(", ");
  return `WITH given (k) AS (VALUES ${keys}) SELECT count(*) AS n FROM given
    WHERE NOT EXISTS (SELECT 1 FROM ${quoted(parent)} WHERE ${quoted(column)} = given.k)`;
}
