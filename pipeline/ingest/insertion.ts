import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Batch, type Cell, copyCells, type RowFault } from "../files/columns/batch.ts";
import { quoted } from "../store/sqlite.ts";
import { conflictFailure, constraintFault, ignoredFault } from "./insertion_failure.ts";
import { differingSql, insertSql, replaceSql, type StatementRows } from "./insertion_sql.ts";
import { rowFailure } from "../files/columns/row_run.ts";
import { openSnapshot, type Snapshot } from "./snapshot.ts";
import { hasCode } from "../store/sqlite_failure.ts";
import type { Table, TableColumn } from "../store/table.ts";

/** What to do with a row whose key exists with other values. */
export type OnConflict = "fail" | "keep" | "replace";

/** Counts of rows by outcome: `read` is the sum of `inserted`, `unchanged`, `replaced`, `kept` and `rejected`. */
export interface RowCounts {
  read: number;
  inserted: number;
  /** Rows that existed with the same values. */
  unchanged: number;
  /** Rows that replaced an existing row with the same key. */
  replaced: number;
  /** Rows that were discarded in favour of an existing row with the same key. */
  kept: number;
  rejected: number;
}

export function zeroCounts(): RowCounts {
  return { read: 0, inserted: 0, unchanged: 0, replaced: 0, kept: 0, rejected: 0 };
}

/** The insertion of one file's rows into its table, inside the caller's transaction. */
export interface Insertion {
  readonly counts: RowCounts;
  /** Returns the number of rows whose key an earlier row of the same file has. */
  duplicates(): number;
  /** @throws {Failure} `row-conflict`; `row-rejected` without `onReject`. */
  add(batch: Batch): void;
  close(): void;
}

export interface InsertionOptions {
  /** The columns of each batch. */
  readonly columns: readonly TableColumn[];
  /** The row number of the file's first row, if the store numbers its rows. */
  readonly firstRowNumber?: number | undefined;
  readonly onConflict: OnConflict;
  /** Receives rows that the table rejects. Without it, the first of them fails the file. */
  readonly onReject: ((fault: RowFault) => void) | undefined;
  /** The file, as messages name it. */
  readonly fileName: string;
}

/** One statement for 256 rows takes a third of the time of a statement for each row. More rows gain nothing. */
const rowsPerStatementMax = 256;
/** Most parameters of a statement; SQLite's limit is 32,766. */
const parametersMax = 8_192;
const constraintCode = 19;
/** Result code of invalid JSON and of integer overflow in a CHECK, a generated column or a trigger. */
const expressionCode = 1;

export interface InsertionTarget {
  readonly db: DatabaseSync;
  /** Its file; undefined if only this connection has the table. */
  readonly path: string | undefined;
}

export function openInsertion(store: InsertionTarget, table: Table, options: InsertionOptions): Insertion {
  const { onConflict, onReject, fileName, firstRowNumber } = options;
  const columns = insertedColumns(table, options);
  const statements = statementsOf(store.db, table, columns);
  const rowsMax = rowsPerStatement(columns);
  const counts = zeroCounts();
  const wasEmpty = store.db.prepare(`SELECT 1 FROM ${quoted(table.name)} LIMIT 1`).get() === undefined;
  const cells = new Array<Cell>(rowsMax * columns.length);
  let snapshot: Snapshot | undefined;
  /** Rows whose key was in the table, and those of them whose key was there before this file. */
  let [existing, existingBefore] = [0, 0];

  const reject = (fault: RowFault) => {
    if (!onReject) throw rowFailure(fileName, fault);
    onReject(fault);
    counts.rejected++;
  };
  /** @returns undefined if SQLite rejected a row: then each row has been added by itself. */
  const insert = (rows: StatementRows) => {
    try {
      return Number(statements.insert(rows.rowCount).run(...rows.cells).changes);
    } catch (error) {
      if (!isRowError(error)) throw error;
      if (rows.rowCount === 1) reject(constraintFault(error, rows, columns, table));
      else for (let i = 0; i < rows.rowCount; i++) addRows(rowOf(rows, i));
      return undefined;
    }
  };
  const addRows = (rows: StatementRows) => {
    const inserted = insert(rows);
    if (inserted === undefined) return;
    counts.inserted += inserted;
    if (inserted === rows.rowCount) return;
    if (!wasEmpty && store.path !== undefined) snapshot ??= openSnapshot(store.path, table, columns);
    existingBefore += snapshot?.count(rows) ?? 0;
    const found = statements.differing(rows.rowCount).all(...rows.cells);
    const placesOf = (isAbsent: number) =>
      found.filter(({ absent }) => absent === isAbsent).map(({ place }) => Number(place));
    const [absent, differing] = [placesOf(1), placesOf(0)];
    for (const place of absent) reject(ignoredFault(rowOf(rows, place), table));
    if (differing.length > 0 && onConflict === "fail") {
      throw conflictFailure(store.db, table, columns, { row: rowOf(rows, differing[0]), fileName });
    }
    const notInserted = rows.rowCount - inserted - absent.length;
    existing += notInserted;
    if (onConflict === "replace" && differing.length > 0) return replaceEach(rows, notInserted);
    counts.kept += differing.length;
    counts.unchanged += notInserted - differing.length;
  };
  /** Replaces in the order of the file, so that the last row of a key stays. @param existing Rows whose key was there. */
  const replaceEach = (rows: StatementRows, existing: number) => {
    let unchanged = existing;
    for (let i = 0; i < rows.rowCount; i++) {
      const row = rowOf(rows, i);
      if (statements.differing(1).get(...row.cells)?.absent !== 0) continue;
      try {
        statements.replace().run(...row.cells);
        counts.replaced++;
      } catch (error) {
        if (!isRowError(error)) throw error;
        reject(constraintFault(error, row, columns, table));
      }
      unchanged--;
    }
    counts.unchanged += unchanged;
  };
  return {
    counts,
    duplicates: () => existing - existingBefore,
    add(batch) {
      counts.read += batch.rowCount + batch.faults.length;
      for (const fault of batch.faults) reject(fault);
      for (let start = 0, count = 0; start < batch.rowCount; start += count) {
        count = Math.min(rowsMax, batch.rowCount - start);
        addRows(rowsOf(batch, { start, count, firstRowNumber, cells }));
      }
    },
    close: () => snapshot?.close(),
  };
}

interface BatchRange {
  readonly start: number;
  readonly count: number;
  readonly firstRowNumber: number | undefined;
  /** Holds the cells if it has their length: then the rows are valid until the next call. */
  readonly cells: Cell[];
}

function rowsOf(batch: Batch, { start, count, firstRowNumber, cells: scratch }: BatchRange): StatementRows {
  const width = batch.columns.length + (firstRowNumber === undefined ? 0 : 1);
  const length = count * width;
  const cells = scratch.length === length ? scratch : new Array<Cell>(length);
  for (const [k, column] of batch.columns.entries()) {
    copyCells(column, start, count, { cells, at: k, step: width });
  }
  const rows = batch.rows.subarray(start, start + count);
  if (firstRowNumber !== undefined) {
    for (let i = 0; i < count; i++) cells[(i + 1) * width - 1] = firstRowNumber + rows[i] - 1;
  }
  return { rowCount: count, cells, rows };
}

function rowsPerStatement({ length }: readonly TableColumn[]): number {
  return Math.max(1, Math.min(rowsPerStatementMax, Math.floor(parametersMax / length)));
}

/** Returns the columns of a batch, then the row number: the places of the file's columns stay. */
function insertedColumns(
  { columns, key }: Table,
  { columns: ofBatch, firstRowNumber }: InsertionOptions,
): readonly TableColumn[] {
  return firstRowNumber === undefined
    ? ofBatch
    : [...ofBatch, ...columns.filter(({ name }) => name === key[0])];
}

function rowOf({ cells, rows, rowCount }: StatementRows, index: number): StatementRows {
  const width = cells.length / rowCount;
  const start = index * width;
  return { rowCount: 1, cells: cells.slice(start, start + width), rows: rows.subarray(index, index + 1) };
}

/** Prepares each statement at its first use, one for each number of rows. */
function statementsOf(db: DatabaseSync, table: Table, columns: readonly TableColumn[]) {
  const prepared = new Map<string, StatementSync>();
  const prepare = (key: string, sql: () => string) =>
    prepared.getOrInsertComputed(key, () => db.prepare(sql()));
  return {
    insert: (rowCount: number) => prepare(`insert ${rowCount}`, () => insertSql(table, columns, rowCount)),
    differing: (rowCount: number) =>
      prepare(`differing ${rowCount}`, () => differingSql(table, columns, rowCount)),
    replace: () => prepare("replace", () => replaceSql(table, columns)),
  };
}

/** Returns whether SQLite rejects a row: it breaks a constraint, or an expression of the schema fails for it. */
function isRowError(error: unknown): error is Error {
  return hasCode(error, constraintCode) || hasCode(error, expressionCode);
}
