import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Cell, cellAt, gatherColumn } from "./batch.ts";
import type { ColumnBuffer } from "./column_buffer.ts";
import { quoted } from "./identifier.ts";
import { orderByKey } from "./key_order.ts";
import type { KeySet } from "./key_set.ts";
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

export interface OrphanOptions {
  /** Parents are those that are committed there. */
  readonly storePath: string;
  readonly references: readonly Reference[];
  /** Keys that are known to be there, by table: what is not among them is looked up. */
  readonly known: ReadonlyMap<string, KeySet>;
}

const chunkKeys = 128;

export function openOrphanCounter({ storePath, references, known }: OrphanOptions): OrphanCounter {
  let lookup: Lookup | undefined;
  const counts = references.map(() => 0);
  return {
    add({ columns, buffers }) {
      for (const [r, { column, parent }] of references.entries()) {
        const buffer = buffers[columns.findIndex(({ name }) => name === column)];
        if (!buffer || !hasUnknown(buffer, known.get(parent))) continue;
        lookup ??= openLookup(storePath, references);
        for (const keys of unknownKeys(buffer, known.get(parent))) counts[r] += lookup.missing(r, keys);
      }
    },
    counts: () => [...counts],
    close: () => lookup?.close(),
  };
}

function isUnknown(buffer: ColumnBuffer, row: number, known: KeySet | undefined): boolean {
  return buffer.nulls[row] === 0 && !known?.has(buffer, row);
}

function hasUnknown(buffer: ColumnBuffer, known: KeySet | undefined): boolean {
  for (let row = 0; row < buffer.length; row++) if (isUnknown(buffer, row, known)) return true;
  return false;
}

/** Keys in their order: SQLite finds one on the page of the last one in half the time. */
function* unknownKeys(buffer: ColumnBuffer, known: KeySet | undefined): Generator<Cell[]> {
  const order = orderByKey(buffer).filter((row) => isUnknown(buffer, row, known));
  for (let start = 0; start < order.length; start += chunkKeys) {
    const rows = order.subarray(start, start + chunkKeys);
    const column = gatherColumn(buffer, rows);
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
  db.exec("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -32768");
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
