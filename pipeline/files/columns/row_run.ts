import { type Batch, bufferCell, emptyBatch, gatherColumn, type RowFault } from "./batch.ts";
import {
  appendNull,
  bufferBytes,
  clearBuffer,
  type ColumnBuffer,
  createBuffer,
  releaseBuffer,
  reserveRows,
  shortened,
} from "./column_buffer.ts";
import { Failure } from "../../failure.ts";
import { isAscending, orderByKey } from "./key_order.ts";
import { allPlaces, type Places } from "../../math/rank_order.ts";
import type { TableColumn } from "../../store/table.ts";

/** A run of rows of a file, which are sorted by key before insertion. */
export interface RowRun {
  readonly columns: readonly TableColumn[];
  /** A buffer per column. */
  readonly buffers: readonly ColumnBuffer[];
  /** Reasons of rows that are faulty as a whole, by row of the run; their cells are NULL. */
  readonly rowFaults: Map<number, string>;
  /** The lines of these rows in the file, by row of the run, if they can be shown. */
  readonly rowLines: Map<number, string>;
  /** Total length of these lines. */
  lineLength: number;
}

/** Reads the rows of a file of any format. */
export interface RowReader {
  /** Names of the file's columns; for newline-delimited JSON, those seen so far. */
  readonly columnNames: readonly string[];
  /** Number of rows in the file, if the format contains it. */
  readonly rowCount: number | undefined;
  /** Returns the number of bytes read so far. */
  bytesRead(): number;
  /**
   * Appends the next rows to the run, the same number to each buffer.
   *
   * @returns The number of rows; 0 at the end of the file.
   * @throws {Failure} `file-invalid`
   */
  read(run: RowRun, rowsMax: number): number;
  close(): void;
}

export interface RowRunOptions {
  readonly columns: readonly TableColumn[];
  /** The first column of the table's key; undefined if the file lacks it: then its rows keep their order. */
  readonly key: string | undefined;
  /** Collect rows that cannot be loaded, in place of failing at the first. */
  readonly collectFaults: boolean;
  /** The name of the file in messages. */
  readonly fileName: string;
  /** Called with each run after its batches were taken. */
  readonly onRun?: (run: RowRun) => void;
  /** Merges the runs of a file that is too long for one; otherwise each run is inserted for itself. */
  readonly sortedRuns?: SortedRuns | undefined;
}

/** A run of rows to be written in order: plain data, whose memory can be passed to another thread. */
export interface OrderedRun {
  readonly buffers: readonly ColumnBuffer[];
  /** Rows that can be loaded, in key order. */
  readonly order: Places;
  /** Row number in the file of the first row. */
  readonly firstRow: number;
}

/** Runs of rows in the order of their keys, outside of the memory, which are merged into one. */
export interface SortedRuns {
  /** Whether the thread that writes runs is behind: then none is added. */
  isBehind(): boolean;
  /** Returns false if there are too many runs, or there is no room for another one. */
  hasRoom(byteCount: number): boolean;
  /** Adds a run, which is released afterwards: its buffers may be empty. */
  add(run: OrderedRun): void;
  /** Returns the rows of all runs in key order, those of equal keys in the order of the file; none are left. */
  merge(): Generator<Batch>;
}

/** Rows per call of `read`: at most 64 MiB per column, with the longest texts. */
const stepRows = 4_096;
export const batchRows = 8_192;
const batchBytesMax = 32 * 2 ** 20;
/** Most rows of a run of a long file, and most of a file that is known to be one run. */
const runRowsMax = 3 * 2 ** 17;
const singleRunRowsMax = 2 * runRowsMax;
const runBytesMax = 96 * 2 ** 20;

/**
 * Reads the rows of a file in batches. Rows in key order are passed on at once; other rows are collected in runs of up to
 * 393,216 rows or 96 MiB, and sorted. A batch without rows and faults means that a run was added to the sorted ones.
 *
 * @throws {Failure} `row-rejected` at the first row that cannot be loaded, unless faults are collected; as `read` does.
 */
export function* readBatches(reader: RowReader, options: RowRunOptions): Generator<Batch> {
  const run = createRowRun(options.columns);
  try {
    yield* fillAndEmpty(run, reader, options);
  } finally {
    run.buffers.forEach(releaseBuffer);
  }
}

function* fillAndEmpty(run: RowRun, reader: RowReader, options: RowRunOptions): Generator<Batch> {
  const { sortedRuns, onRun } = options;
  const keyBuffer = run.buffers.find((_, i) => options.columns[i].name === options.key);
  const rowsMax = (reader.rowCount ?? Infinity) <= singleRunRowsMax ? singleRunRowsMax : runRowsMax;
  let firstRow = 1;
  let isOrdered = true;
  // Rows that follow a sorted run in the file follow it in the table, too.
  let areMerged = false;
  for (;;) {
    const held = run.buffers[0].length;
    const count = reader.read(run, stepRows);
    if (count > 0) {
      rejectMissing(run, held);
      if (!options.collectFaults) failAtFirstFault(run, firstRow, options.fileName);
      if (isOrdered && keyBuffer && !isAscending(keyBuffer, held)) {
        isOrdered = false;
        for (const buffer of run.buffers) reserveRows(buffer, rowsMax + stepRows);
      }
    }
    const rowCount = held + count;
    const isDirect = isOrdered && !areMerged;
    if (count === 0 || (isDirect ? rowCount >= batchRows : isFull(run, rowsMax))) {
      const order = soundRows(run, isOrdered || !keyBuffer ? allPlaces(rowCount) : orderByKey(keyBuffer));
      const isLong = areMerged || (count > 0 && !isDirect);
      if (isLong && sortedRuns) {
        while (sortedRuns.isBehind()) yield emptyBatch;
        areMerged = sortedRuns.hasRoom(runBytes(run));
        if (!areMerged) yield* sortedRuns.merge();
      }
      if (!areMerged) yield* batchesOf(run, order, firstRow);
      yield* faultsOf(run, firstRow);
      // After the batches, which insertion waits for.
      onRun?.(run);
      if (areMerged && sortedRuns) {
        sortedRuns.add({ buffers: run.buffers, order, firstRow });
        yield emptyBatch;
        if (count === 0) yield* sortedRuns.merge();
      }
      firstRow += rowCount;
      clearRowRun(run);
      isOrdered = true;
    }
    if (count === 0) return;
  }
}

/** Creates an empty run. */
export function createRowRun(columns: readonly TableColumn[]): RowRun {
  return {
    columns,
    buffers: columns.map(({ type }) => createBuffer(type)),
    rowFaults: new Map(),
    rowLines: new Map(),
    lineLength: 0,
  };
}

/** Removes the rows and keeps the memory. */
export function clearRowRun(run: RowRun): void {
  for (const buffer of run.buffers) clearBuffer(buffer);
  run.rowFaults.clear();
  run.rowLines.clear();
  run.lineLength = 0;
}

/** Appends a row that is faulty as a whole. @param line The line of the file. */
export function appendFaultyRow(run: RowRun, detail: string, line: string): void {
  const place = run.buffers[0].length;
  run.rowFaults.set(place, detail);
  const kept = shortened(line);
  run.rowLines.set(place, kept);
  run.lineLength += kept.length;
  for (const buffer of run.buffers) appendNull(buffer);
}

function isFull(run: RowRun, rowsMax: number): boolean {
  return run.buffers[0].length >= rowsMax || runBytes(run) >= runBytesMax;
}

/** Returns the memory of a run's rows, in bytes. */
export function runBytes({ buffers, lineLength }: Pick<RowRun, "buffers" | "lineLength">): number {
  return buffers.reduce((sum, buffer) => sum + bufferBytes(buffer), lineLength);
}

/** Turns NULL in a required column into a fault: SQLite would generate an INTEGER PRIMARY KEY. */
function rejectMissing({ columns, buffers, rowFaults }: RowRun, start: number): void {
  for (const [i, buffer] of buffers.entries()) {
    if (!columns[i].required || buffer.nullCount === 0) continue;
    for (let row = start; row < buffer.length; row++) {
      if (buffer.nulls[row] === 1 && !buffer.faults.has(row) && !rowFaults.has(row)) {
        buffer.faults.set(row, "no value, expected one");
      }
    }
  }
}

function failAtFirstFault(run: RowRun, firstRow: number, fileName: string): void {
  const places = faultyPlaces(run);
  if (places.length > 0) {
    throw rowFailure(fileName, faultOf(run, Math.min(...places.slice(0, stepRows)), firstRow));
  }
}

/** Number of characters that a message shows of a line. */
const shownLength = 60;

/** @throws {Failure} `row-rejected`, always. */
export function rowFailure(fileName: string, { row, column, detail, line, wider }: RowFault): Failure {
  const place = `row ${row.toLocaleString("en")}${column === undefined ? "" : `, column "${column}"`}`;
  const begins = line === undefined ? "" : `. The row begins ${JSON.stringify(line.slice(0, shownLength))}`;
  return new Failure(
    "row-rejected",
    `Cannot load ${fileName}: ${place}: ${detail}${begins}. Correct the file, or write such rows to a file with --rejects FILE${
      // No type holds an infinite number of a parquet file.
      wider === undefined || detail.endsWith(" is not finite")
        ? ""
        : `, or give ${
          JSON.stringify(column)
        } a wider type (${wider}) in the schema, with which clickwell schema apply changes a store`}`,
    [],
    wider === undefined ? {} : { misfit: { row, column } },
  );
}

function faultyPlaces({ buffers, rowFaults }: RowRun): number[] {
  return [...new Set([...rowFaults.keys(), ...buffers.flatMap(({ faults }) => [...faults.keys()])])];
}

function faultOf(
  { columns, buffers, rowFaults, rowLines }: RowRun,
  place: number,
  firstRow: number,
): RowFault {
  const row = firstRow + place;
  const cells = buffers.map((buffer) => bufferCell(buffer, place));
  const detail = rowFaults.get(place);
  const line = rowLines.get(place);
  if (detail !== undefined) return { row, detail, cells, ...(line === undefined ? {} : { line }) };
  const index = buffers.findIndex(({ faults }) => faults.has(place));
  const { name, type } = columns[index];
  const buffer = buffers[index];
  // A value that was found, and is not of the type.
  const isTyped = type !== "TEXT" && buffer.found.has(place);
  return {
    row,
    column: name,
    detail: buffer.faults.get(place) ?? "",
    cells,
    ...(isTyped ? { wider: type === "REAL" ? "TEXT" : "REAL or TEXT" } : {}),
  };
}

/** Returns the rows of a batch, fewer if texts are long: rows share the bytes of equal texts in a run, but not in a batch. */
function batchRowsOf({ buffers }: RowRun): number {
  const longest = buffers.reduce((sum, buffer) => sum + (buffer.type === "TEXT" ? buffer.longest : 0), 0);
  return Math.max(1, Math.min(batchRows, Math.floor(batchBytesMax / Math.max(1, longest))));
}

function soundRows(run: RowRun, order: Places): Places {
  const faulty = new Set(faultyPlaces(run));
  return faulty.size === 0 ? order : order.filter((place) => !faulty.has(place));
}

function* batchesOf(run: RowRun, sound: Uint32Array, firstRow: number): Generator<Batch> {
  const rowsMax = batchRowsOf(run);
  for (let start = 0; start < sound.length; start += rowsMax) {
    const places = sound.subarray(start, start + rowsMax);
    yield {
      rowCount: places.length,
      rows: places.map((place) => firstRow + place),
      columns: run.buffers.map((buffer) => gatherColumn(buffer, places)),
      faults: [],
    };
  }
}

function* faultsOf(run: RowRun, firstRow: number): Generator<Batch> {
  const inOrder = faultyPlaces(run).sort((a, b) => a - b);
  for (let start = 0; start < inOrder.length; start += stepRows) {
    const faults = inOrder.slice(start, start + stepRows).map((place) => faultOf(run, place, firstRow));
    yield { ...emptyBatch, faults };
  }
}
