import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Cell, cellAt, gatherColumn } from "../files/columns/batch.ts";
import { clearBuffer, type ColumnBuffer, createBuffer } from "../files/columns/column_buffer.ts";
import { copierOf } from "../files/columns/copied_rows.ts";
import { openReadingConnection } from "../store/reading_connection.ts";
import { quoted } from "../store/sqlite.ts";
import { orderByKey } from "../files/columns/key_order.ts";
import type { KnownKeys } from "./key_set.ts";
import type { Reference } from "./reference.ts";
import type { RowRun } from "../files/columns/row_run.ts";
import type { TableColumn } from "../store/table.ts";

/** A counter of rows whose parent is not in the store, fed as the rows are read. */
export type OrphanCounter = ReturnType<typeof openOrphanCounter>;

export interface OrphanOptions {
  /** The store whose committed rows are parents; undefined if the known keys are all there are. */
  readonly storePath: string | undefined;
  readonly references: readonly Reference[];
  /** Known keys, by table: other keys are looked up in the store. */
  readonly known: ReadonlyMap<string, KnownKeys>;
}

/** Keys that are collected before they are looked up: the more there are, the closer they are in the parent's index. */
const pendingKeysMax = 2 ** 18;
const keysPerQuery = 128;

export function openOrphanCounter({ storePath, references, known }: OrphanOptions) {
  let lookup: ReturnType<typeof openLookup> | undefined;
  const counts = references.map(() => 0);
  const pending: (ColumnBuffer | undefined)[] = references.map(() => undefined);

  const lookUp = (reference: number, keys: ColumnBuffer) => {
    if (storePath === undefined) counts[reference] += keys.length;
    else {
      lookup ??= openLookup(storePath, references);
      for (const cells of sortedCells(keys)) counts[reference] += lookup.missing(reference, cells);
    }
    clearBuffer(keys);
  };
  return {
    add({ columns, buffers, rowFaults }: RowRun): void {
      const isFaulty = (row: number) => rowFaults.has(row) || buffers.some(({ faults }) => faults.has(row));
      const hasFaults = rowFaults.size > 0 || buffers.some(({ faults }) => faults.size > 0);
      for (const [r, { column, parent }] of references.entries()) {
        const buffer = buffers[columns.findIndex(({ name }) => name === column)];
        if (!buffer) continue;
        const keys = pending[r] ??= createBuffer(buffer.type);
        const addKey = copierOf(keys, buffer);
        const parents = known.get(parent);
        for (let row = 0; row < buffer.length; row++) {
          if (buffer.nulls[row] === 1 || parents?.has(buffer, row)) continue;
          // A faulty row is not loaded.
          if (hasFaults && isFaulty(row)) continue;
          addKey(row);
          if (keys.length === pendingKeysMax) lookUp(r, keys);
        }
      }
    },
    /** Returns the number of orphans for each reference. A row whose reference is NULL is not an orphan. */
    finish(): readonly number[] {
      for (const [r, keys] of pending.entries()) if (keys) lookUp(r, keys);
      for (const [r, { parent }] of references.entries()) counts[r] += known.get(parent)?.missing?.() ?? 0;
      return counts;
    },
    close: (): void => lookup?.close(),
  };
}

/** Counts the orphans among rows that were read and then rejected. */
export function createOrphanRejects(
  db: DatabaseSync,
  references: readonly Reference[],
  columns: readonly TableColumn[],
) {
  const counts = references.map(() => 0);
  const places = references.map(({ column }) => columns.findIndex(({ name }) => name === column));
  return {
    counts,
    add(cells: readonly Cell[]) {
      for (const [r, reference] of references.entries()) {
        const key = cells[places[r]] ?? null;
        if (key !== null) counts[r] += Number(db.prepare(missingSql(reference, 1)).get(key)?.n);
      }
    },
  };
}

/** Yields the keys in ascending order: SQLite finds a key near the previous one in half the time. */
function* sortedCells(keys: ColumnBuffer): Generator<Cell[]> {
  const order = orderByKey(keys);
  for (let start = 0; start < order.length; start += keysPerQuery) {
    const rows = order.subarray(start, start + keysPerQuery);
    const column = gatherColumn(keys, rows);
    yield Array.from(rows, (_, i) => cellAt(column, i));
  }
}

/** Opens a lookup of keys in the store. */
function openLookup(storePath: string, references: readonly Reference[]) {
  const db = openReadingConnection(storePath, { mappedBytes: 0, cacheBytes: 16 * 2 ** 20 });
  const prepared = references.map(() => new Map<number, StatementSync>());
  return {
    /** Returns the number of keys that are not in the reference's parent table. */
    missing(reference: number, keys: readonly Cell[]): number {
      const prepare = () => db.prepare(missingSql(references[reference], keys.length));
      return Number(prepared[reference].getOrInsertComputed(keys.length, prepare).get(...keys)?.n);
    },
    close: () => db.close(),
  };
}

/** Counts the given keys that are not in the parent table. Parameters: the keys. */
function missingSql({ column, parent }: Reference, count: number): string {
  const keys = Array.from({ length: count }, () => "(?)").join(", ");
  return `WITH "clickwell given" (k) AS (VALUES ${keys}) SELECT count(*) AS n FROM "clickwell given"
    WHERE NOT EXISTS (SELECT 1 FROM ${quoted(parent)} WHERE ${quoted(column)} = "clickwell given".k)`;
}
