import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Batch, type Cell, copyCells, type RowFault } from "../files/columns/batch.ts";
import { quoted } from "../store/sqlite.ts";
import { conflictFailure, constraintFault, passedOver } from "./insertion_failure.ts";
import { differingSql, insertSql, replaceSql, type StatementRows } from "./insertion_sql.ts";
import { rowFailure } from "../files/columns/row_run.ts";
import { openSnapshot, type Snapshot } from "./snapshot.ts";
import { hasCode } from "../store/sqlite_failure.ts";
import type { Store } from "../store/store.ts";
import type { Table, TableColumn } from "../store/table.ts";

/** What to do with a row whose key is there already with other values. */
export type OnConflict = "fail" | "keep" | "replace";

/** What became of rows: `read` is the sum of `inserted`, `unchanged`, `replaced`, `kept` and `rejected`. */
export interface RowCounts {
  read: number;
  inserted: number;
  /** Rows that were there already, with the same values. */
  unchanged: number;
  /** Rows that took the place of one with the same key. */
  replaced: number;
  /** Rows that were given up for one that was there with the same key. */
  kept: number;
  rejected: number;
}

/** The insertion of one file's rows into its table, inside the caller's transaction. */
export interface Insertion {
  readonly counts: RowCounts;
  /** Rows whose key an earlier row of the same file brought. */
  duplicates(): number;
  /** @throws {Failure} `row-conflict`; `row-rejected` unless rejected rows are handed on. */
  add(batch: Batch): void;
  close(): void;
}

export interface InsertionOptions {
  /** The columns of each batch. */
  readonly columns: readonly TableColumn[];
  readonly onConflict: OnConflict;
  /** Takes rows that the table refuses; without it, the first of them fails the file. */
  readonly onReject: ((fault: RowFault) => void) | undefined;
  /** The file, as messages name it. */
  readonly fileName: string;
}

/** A statement for so many rows costs a third of one for each. More rows gain nothing. */
const chunkRows = 256;
/** Of SQLite's 32,766. */
const parametersMax = 8_192;
const constraintCode = 19;
/** Of JSON that cannot be read and integers that overflow, in a CHECK, a generated column or a trigger. */
const expressionCode = 1;

export function openInsertion(store: Store, table: Table, options: InsertionOptions): Insertion {
  const { columns, onConflict, onReject, fileName } = options;
  const statements = statementsOf(store.db, table, columns);
  const chunkMax = Math.max(1, Math.min(chunkRows, Math.floor(parametersMax / columns.length)));
  const counts: RowCounts = { read: 0, inserted: 0, unchanged: 0, replaced: 0, kept: 0, rejected: 0 };
  const wasEmpty = store.db.prepare(`SELECT 1 FROM ${statements.table} LIMIT 1`).get() === undefined;
  const cells = new Array<Cell>(chunkMax * columns.length);
  let snapshot: Snapshot | undefined;
  let notNew = 0;
  let knownBefore = 0;

  const reject = (fault: RowFault) => {
    if (!onReject) throw rowFailure(fileName, fault);
    onReject(fault);
    counts.rejected++;
  };
  const insert = (chunk: StatementRows) => {
    try {
      return Number(statements.insert(chunk.rowCount).run(...chunk.cells).changes);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (chunk.rowCount === 1) {
        reject(constraintFault(error, chunk, columns, table));
        return undefined;
      }
      // One row refuses the statement: each is tried on its own.
      for (let i = 0; i < chunk.rowCount; i++) settle(rowOf(chunk, i));
      return undefined;
    }
  };
  const settle = (chunk: StatementRows) => {
    const inserted = insert(chunk);
    if (inserted === undefined) return;
    counts.inserted += inserted;
    if (inserted === chunk.rowCount) return;
    if (!wasEmpty) {
      snapshot ??= openSnapshot(store, table, columns);
      knownBefore += snapshot.count(chunk);
    }
    const found = statements.differing(chunk.rowCount).all(...chunk.cells);
    const absent = found.filter(({ absent }) => absent === 1).map(({ place }) => Number(place));
    for (const place of absent) reject(passedOver(rowOf(chunk, place), table));
    const differing = found.filter(({ absent }) => absent === 0).map(({ place }) => Number(place));
    if (differing.length > 0 && onConflict === "fail") {
      throw conflictFailure(store.db, table, columns, { row: rowOf(chunk, differing[0]), fileName });
    }
    const rest = chunk.rowCount - inserted - absent.length;
    notNew += rest;
    if (onConflict === "replace" && differing.length > 0) return replaceEach(chunk, rest);
    counts.kept += differing.length;
    counts.unchanged += rest - differing.length;
  };
  /** In the order of the file, so that the last row of a key stays. @param old Rows whose key was there. */
  const replaceEach = (chunk: StatementRows, old: number) => {
    let rest = old;
    for (let i = 0; i < chunk.rowCount; i++) {
      const row = rowOf(chunk, i);
      if (statements.differing(1).get(...row.cells)?.absent !== 0) continue;
      try {
        statements.replace().run(...row.cells);
        counts.replaced++;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        reject(constraintFault(error, row, columns, table));
      }
      rest--;
    }
    counts.unchanged += rest;
  };
  return {
    counts,
    duplicates: () => notNew - knownBefore,
    add(batch) {
      counts.read += batch.rowCount + batch.faults.length;
      for (const fault of batch.faults) reject(fault);
      for (let start = 0; start < batch.rowCount; start += chunkMax) {
        const rowCount = Math.min(chunkMax, batch.rowCount - start);
        settle(
          chunkOf(batch, start, rowCount === chunkMax ? cells : new Array<Cell>(rowCount * columns.length)),
        );
      }
    },
    close: () => snapshot?.close(),
  };
}

/** @param cells Is filled, and is the chunk's until the next one is made. */
function chunkOf(batch: Batch, start: number, cells: Cell[]): StatementRows {
  const width = batch.columns.length;
  const rowCount = cells.length / width;
  for (let k = 0; k < width; k++) copyCells(batch.columns[k], start, rowCount, { cells, at: k, step: width });
  return { rowCount, cells, rows: batch.rows.subarray(start, start + rowCount) };
}

function rowOf({ cells, rows, rowCount }: StatementRows, index: number): StatementRows {
  const width = cells.length / rowCount;
  return {
    rowCount: 1,
    cells: cells.slice(index * width, (index + 1) * width),
    rows: rows.subarray(index, index + 1),
  };
}

interface Statements {
  /** The table's name in SQL. */
  readonly table: string;
  insert(rowCount: number): StatementSync;
  differing(rowCount: number): StatementSync;
  replace(): StatementSync;
}

/** Each statement is prepared when it is first needed; there are as many as lengths of chunks. */
function statementsOf(db: DatabaseSync, table: Table, columns: readonly TableColumn[]): Statements {
  const prepared = new Map<string, StatementSync>();
  const prepare = (key: string, sql: () => string) => {
    let statement = prepared.get(key);
    if (!statement) prepared.set(key, statement = db.prepare(sql()));
    return statement;
  };
  return {
    table: quoted(table.name),
    insert: (rowCount) => prepare(`insert ${rowCount}`, () => insertSql(table, columns, rowCount)),
    differing: (rowCount) => prepare(`differing ${rowCount}`, () => differingSql(table, columns, rowCount)),
    replace: () => prepare("replace", () => replaceSql(table, columns)),
  };
}

/** Whether SQLite refuses the row: a constraint does, or an expression of the schema that cannot be computed for it. */
function isRefusal(error: unknown): error is Error {
  return hasCode(error, constraintCode) || hasCode(error, expressionCode);
}
