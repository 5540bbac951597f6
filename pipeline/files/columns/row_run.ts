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
import type { TableColumn } from "../../store/table.ts";

/** Rows of a file that are held together until they are ordered by their key. */
export interface RowRun {
  readonly columns: readonly TableColumn[];
  /** One for each column. */
  readonly buffers: readonly ColumnBuffer[];
  /** What is wrong with a whole row, by place in the run; its cells are NULL. */
  readonly rowFaults: Map<number, string>;
  /** Those rows as they stand in the file, by place in the run, if that can be shown. */
  readonly rowLines: Map<number, string>;
  /** Characters of those lines. */
  lineLength: number;
}

/** A file that is open for reading, whatever its format. */
export interface RowReader {
  /** Names of the file's columns; for newline-delimited JSON, of those seen so far. */
  readonly columnNames: readonly string[];
  /** Rows of the whole file, where its format says so. */
  readonly rowCount: number | undefined;
  /** How many bytes of the file have been read. */
  bytesRead(): number;
  /**
   * Appends the next rows to the run: the same number to each of its buffers.
   *
   * @returns How many; 0 at the end of the file.
   * @throws {Failure} `file-invalid`
   */
  read(run: RowRun, rowsMax: number): number;
  close(): void;
}

export interface RowRunOptions {
  readonly columns: readonly TableColumn[];
  /** Name of the first column of the table's key. */
  readonly key: string;
  /** Hand rows that cannot be loaded on, instead of failing at the first. */
  readonly collectFaults: boolean;
  /** The file, as messages name it. */
  readonly fileName: string;
  /** Sees each run when its rows have been handed on. */
  readonly onRun?: (run: RowRun) => void;
}

/** Rows of one call of `read`: with the longest texts, 64 MiB of a column at the most. */
const stepRows = 4_096;
const batchRows = 8_192;
const batchBytesMax = 32 * 2 ** 20;
/** The first run is short, so that what inserts the rows need not wait long; the longer the runs, the better the order. */
const runRowsFirst = 2 ** 16;
const runGrowth = 4;
const runRowsMax = 3 * 2 ** 17;
/** A file of so many rows is one run: in one order its rows go behind each other, and no page is met twice. */
const singleRunRowsMax = 3 * 2 ** 18;
const runBytesMax = 96 * 2 ** 20;

/**
 * The rows of a file in batches. Rows that come in the order of their key pass straight on; others are held, up to a
 * million or 96 MiB, and ordered.
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
  const keyBuffer = run.buffers[options.columns.findIndex(({ name }) => name === options.key)];
  let firstRow = 1;
  let isOrdered = true;
  const isSingle = (reader.rowCount ?? Infinity) <= singleRunRowsMax;
  let rowsOfRun = isSingle ? singleRunRowsMax : runRowsFirst;
  for (;;) {
    const held = keyBuffer.length;
    const count = reader.read(run, stepRows);
    if (count > 0) {
      refuseMissing(run, held);
      if (!options.collectFaults) failAtFirstFault(run, firstRow, options.fileName);
      if (isOrdered && !isAscending(keyBuffer, held)) {
        isOrdered = false;
        for (const buffer of run.buffers) reserveRows(buffer, rowsOfRun + stepRows);
      }
    }
    const isEnough = isOrdered ? keyBuffer.length >= batchRows : isFull(run, rowsOfRun);
    if (count === 0 || isEnough) {
      yield* batchesOf(run, isOrdered ? placesOf(keyBuffer.length) : orderByKey(keyBuffer), firstRow);
      // Behind the batches, which somebody waits for.
      options.onRun?.(run);
      firstRow += keyBuffer.length;
      if (!isOrdered) rowsOfRun = Math.min(runRowsMax, runGrowth * rowsOfRun);
      clearRowRun(run);
      isOrdered = true;
    }
    if (count === 0) return;
  }
}

/** A run without rows. */
export function createRowRun(columns: readonly TableColumn[]): RowRun {
  return {
    columns,
    buffers: columns.map(({ type }) => createBuffer(type)),
    rowFaults: new Map(),
    rowLines: new Map(),
    lineLength: 0,
  };
}

/** Forgets the rows and keeps the memory. */
export function clearRowRun(run: RowRun): void {
  for (const buffer of run.buffers) clearBuffer(buffer);
  run.rowFaults.clear();
  run.rowLines.clear();
  run.lineLength = 0;
}

/** Appends a row that is wrong as a whole. @param line The row as it stands in the file. */
export function appendFaultyRow(run: RowRun, detail: string, line: string): void {
  const place = run.buffers[0].length;
  run.rowFaults.set(place, detail);
  const kept = shortened(line);
  run.rowLines.set(place, kept);
  run.lineLength += kept.length;
  for (const buffer of run.buffers) appendNull(buffer);
}

function isFull({ buffers, lineLength }: RowRun, rowsMax: number): boolean {
  const bytes = buffers.reduce((sum, buffer) => sum + bufferBytes(buffer), lineLength);
  return buffers[0].length >= rowsMax || bytes >= runBytesMax;
}

function placesOf(count: number): Uint32Array {
  const places = new Uint32Array(count);
  for (let i = 0; i < count; i++) places[i] = i;
  return places;
}

/** Turns NULL where the table needs a value into a fault: SQLite would make up an INTEGER PRIMARY KEY. */
function refuseMissing({ columns, buffers, rowFaults }: RowRun, start: number): void {
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

/** Characters of a row that cannot be told apart into values, as a message shows it. */
const shownLength = 60;

/** @throws {Failure} `row-rejected`, always. */
export function rowFailure(fileName: string, { row, column, detail, line }: RowFault): Failure {
  const where = `row ${row.toLocaleString("en")}${column === undefined ? "" : `, column "${column}"`}`;
  const begins = line === undefined ? "" : `. The row begins ${JSON.stringify(line.slice(0, shownLength))}`;
  return new Failure(
    "row-rejected",
    `Cannot load ${fileName}: ${where}: ${detail}${begins}. Correct the file, or set such rows aside with clickwell ingest --rejects FILE`,
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
  return { row, column: columns[index].name, detail: buffers[index].faults.get(place) ?? "", cells };
}

/** Fewer where texts are long: rows may share the bytes of one text in a run, and do not in a batch. */
function batchRowsOf({ buffers }: RowRun): number {
  const longest = buffers.reduce((sum, buffer) => sum + (buffer.type === "TEXT" ? buffer.longest : 0), 0);
  return Math.max(1, Math.min(batchRows, Math.floor(batchBytesMax / Math.max(1, longest))));
}

function* batchesOf(run: RowRun, order: Uint32Array, firstRow: number): Generator<Batch> {
  const faulty = new Set(faultyPlaces(run));
  const sound = faulty.size === 0 ? order : order.filter((place) => !faulty.has(place));
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
  const inOrder = [...faulty].sort((a, b) => a - b);
  for (let start = 0; start < inOrder.length; start += stepRows) {
    const faults = inOrder.slice(start, start + stepRows).map((place) => faultOf(run, place, firstRow));
    yield { ...emptyBatch, faults };
  }
}
