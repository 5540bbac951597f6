import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Cell, cellAt, gatherColumn } from "../files/columns/batch.ts";
import { clearBuffer, type ColumnBuffer, copierOf, createBuffer } from "../files/columns/column_buffer.ts";
import { limitCache, quoted } from "../store/sqlite.ts";
import { orderByKey } from "../files/columns/key_order.ts";
import type { KeySet } from "./key_set.ts";
import type { Reference } from "./reference.ts";
import type { RowRun } from "../files/columns/row_run.ts";
import type { TableColumn } from "../store/table.ts";

/** Counts rows whose parent is not in the store, as the rows are read. */
export interface OrphanCounter {
  add(run: RowRun): void;
  /** For each reference, the rows that were added. A row that refers to nothing, NULL, is none. */
  finish(): readonly number[];
  close(): void;
}

export interface OrphanOptions {
  /** Parents are those that are committed there; undefined where the known ones are all there are. */
  readonly storePath: string | undefined;
  readonly references: readonly Reference[];
  /** Keys that are known to be there, by table: what is not among them is looked up. */
  readonly known: ReadonlyMap<string, Pick<KeySet, "has">>;
}

/** Keys that are held to be looked up together: the more there are, the closer they lie in the parent. */
const pendingKeysMax = 2 ** 18;
const chunkKeys = 128;

export function openOrphanCounter({ storePath, references, known }: OrphanOptions): OrphanCounter {
  let lookup: Lookup | undefined;
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
    add({ columns, buffers, rowFaults }) {
      const isFaulty = (row: number) => rowFaults.has(row) || buffers.some(({ faults }) => faults.has(row));
      const hasFaults = rowFaults.size > 0 || buffers.some(({ faults }) => faults.size > 0);
      for (const [r, { column, parent }] of references.entries()) {
        const buffer = buffers[columns.findIndex(({ name }) => name === column)];
        if (!buffer) continue;
        const keys = pending[r] ??= createBuffer(buffer.type);
        const hold = copierOf(keys, buffer);
        const parents = known.get(parent);
        for (let row = 0; row < buffer.length; row++) {
          if (buffer.nulls[row] === 1 || parents?.has(buffer, row)) continue;
          // It is not loaded.
          if (hasFaults && isFaulty(row)) continue;
          hold(row);
          if (keys.length === pendingKeysMax) lookUp(r, keys);
        }
      }
    },
    finish() {
      for (const [r, keys] of pending.entries()) if (keys) lookUp(r, keys);
      return counts;
    },
    close: () => lookup?.close(),
  };
}

/** Counts, of rows that were read and then not loaded, those whose parent is not in the store. */
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

/** Keys in their order: SQLite finds one near the last one in half the time. */
function* sortedCells(keys: ColumnBuffer): Generator<Cell[]> {
  const order = orderByKey(keys);
  for (let start = 0; start < order.length; start += chunkKeys) {
    const rows = order.subarray(start, start + chunkKeys);
    const column = gatherColumn(keys, rows);
    yield Array.from(rows, (_, i) => cellAt(column, i));
  }
}

/** Looks keys up in the store. */
interface Lookup {
  /** How many of the keys a reference's parent does not have. */
  missing(reference: number, keys: readonly Cell[]): number;
  close(): void;
}

function openLookup(storePath: string, references: readonly Reference[]): Lookup {
  const db = new DatabaseSync(storePath, { readOnly: true });
  db.exec("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF");
  limitCache(db, 16 * 2 ** 20);
  const prepared = references.map(() => new Map<number, StatementSync>());
  return {
    missing(reference, keys) {
      let statement = prepared[reference].get(keys.length);
      if (!statement) {
        statement = db.prepare(missingSql(references[reference], keys.length));
        prepared[reference].set(keys.length, statement);
      }
      return Number(statement.get(...keys)?.n);
    },
    close: () => db.close(),
  };
}

/** Parameters: the keys. */
function missingSql({ column, parent }: Reference, count: number): string {
  const keys = Array.from({ length: count }, () => "(?)").join(", ");
  return `WITH given (k) AS (VALUES ${keys}) SELECT count(*) AS n FROM given
    WHERE NOT EXISTS (SELECT 1 FROM ${quoted(parent)} WHERE ${quoted(column)} = given.k)`;
}
