import type { ValueType } from "../examples/level.ts";
import { openSource } from "../files/byte_source.ts";
import { type BatchColumn, type Cell, copyCells, gatherColumn } from "../files/columns/batch.ts";
import { addNullEntry } from "../files/columns/coded_rows.ts";
import { type ColumnBuffer, releaseBuffer } from "../files/columns/column_buffer.ts";
import type { ColumnSource } from "../files/columns/column_source.ts";
import { formatOf, openFile } from "../files/open_file.ts";
import { readFooter } from "../files/parquet/footer.ts";
import { type Meaning, meaningOf } from "../files/parquet/column_meaning.ts";
import { clearRowRun, createRowRun, type RowRun } from "../files/columns/row_run.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import type { CodedColumn, Entries } from "../model/column_findings.ts";
import type { Field } from "../model/signature.ts";
import type { ColumnType, TableColumn } from "../store/table.ts";
import {
  batchRows,
  fieldReader,
  type RowSource,
  type RowSourceOptions,
  selectColumns,
  type SelectedColumns,
} from "./row_batch.ts";

/** The type with which a column is read. */
type ColumnShape = Pick<TableColumn, "type" | "isTime">;

/** Opens a parquet or CSV file. An empty CSV field is null. */
export function openTableRows(path: string, options: RowSourceOptions): RowSource {
  const shapeOf = createShapes(path, options);
  let selected: SelectedColumns = { fields: [], kept: [] };
  let sources: readonly ColumnSource[] = [];
  const reader = openFile(path, (fileColumns) => {
    selected = selectColumns(path, fileColumns, options);
    sources = sourcesOf(selected, options.fields, shapeOf);
    return sources;
  }, options.textFormat);
  const run = createRowRun(sources.map(({ column }) => column));
  const { textFormat: format = {} } = options;
  const readers = options.fields.map((field, i) => {
    const name = selected.fields[i];
    return valueReader(field, name === undefined ? real : shapeOf(name, field), format);
  });
  const { fields: names, kept: keep } = selected;
  let fieldColumnCount = 0;
  /** Where the columns of the fields are, in reading order. */
  const places = names.map((name) => name === undefined ? undefined : fieldColumnCount++);
  const takers = sources.map((_, i) =>
    columnTaker(places.includes(i) ? readers[places.indexOf(i)] : undefined)
  );
  return {
    kept: keep.map((name) => ({ name, type: shapeOf(name).type })),
    bytesRead: reader.bytesRead,
    close: reader.close,
    next() {
      clearRowRun(run);
      const rowCount = reader.read(run, batchRows);
      if (rowCount === 0) return undefined;
      const columns = run.buffers.map((buffer, i) => takers[i](buffer, rowCount));
      const fieldColumns = places.map((place) => place === undefined ? undefined : columns[place]);
      const keptColumns = columns.slice(fieldColumnCount);
      return {
        rowCount,
        fields: lazily(
          fieldColumns.map((column, i) => () =>
            column === undefined
              ? Array<unknown>(rowCount).fill(null)
              : valuesOf(column, rowCount, readers[i])
          ),
        ),
        kept: lazily(keptColumns.map((column) => () => valuesOf(column, rowCount))),
        typed: {
          fields: fieldColumns.map((column, i) =>
            column?.type === "CODES" || readers[i] === undefined ? column : undefined
          ),
          kept: keptColumns,
        },
        faults: faultsOf(run),
      };
    },
  };
}

/**
 * Returns a function that takes the column of a buffer, valid until the buffer is cleared.
 *
 * @param read Converts the values of a dictionary.
 */
function columnTaker(read: ReadCell | undefined) {
  let known: { readonly dictionary: ColumnBuffer; readonly entries: Entries } | undefined;
  return (buffer: ColumnBuffer, rowCount: number): BatchColumn | CodedColumn => {
    if (!buffer.coded) return columnOfBuffer(buffer, rowCount);
    const { codes, dictionary } = buffer.coded;
    if (known?.dictionary !== dictionary) {
      // The rows of the last batch are no longer used.
      if (known) releaseBuffer(known.dictionary);
      known = { dictionary, entries: entriesOf(dictionary, read) };
    }
    return { type: "CODES", codes, entries: known.entries };
  };
}

function entriesOf(dictionary: ColumnBuffer, read: ReadCell | undefined): Entries {
  const count = addNullEntry(dictionary);
  const column = columnOfBuffer(dictionary, count);
  let cells: readonly unknown[] | undefined;
  return {
    count,
    typed: read === undefined ? column : undefined,
    get cells() {
      return cells ??= valuesOf(column, count, read);
    },
  };
}

/** Uses the memory of the buffer where it can: the column is valid until the buffer is cleared. */
function columnOfBuffer(buffer: ColumnBuffer, rowCount: number): BatchColumn {
  const { nulls } = buffer;
  switch (buffer.type) {
    case "INTEGER":
      return { type: "INTEGER", nulls, words: buffer.words, exact: new BigInt64Array(buffer.words.buffer) };
    case "REAL":
      return { type: "REAL", nulls, values: buffer.values };
    case "TEXT":
      return gatherColumn(buffer, firstRows(rowCount));
  }
}

let rows = new Uint32Array();

/** Returns 0, 1, … */
function firstRows(count: number): Uint32Array {
  if (rows.length < count) {
    rows = new Uint32Array(Math.max(batchRows, count));
    for (let i = 0; i < rows.length; i++) rows[i] = i;
  }
  return rows.subarray(0, count);
}

/** Returns an array whose entries are made when they are first read. */
function lazily<T>(makers: readonly (() => T)[]): readonly T[] {
  const made: T[] = [];
  makers.forEach((make, i) => {
    let known: { value: T } | undefined;
    Object.defineProperty(made, i, { get: () => (known ??= { value: make() }).value, enumerable: true });
  });
  return made;
}

/** Returns the file's columns in reading order: those of fields, then those that are kept. */
function sourcesOf(
  selected: SelectedColumns,
  fields: readonly Field[],
  shapeOf: ShapeOf,
): ColumnSource[] {
  const ofFields = selected.fields.flatMap((name, i) =>
    name === undefined ? [] : [{ name, column: columnOf(name, shapeOf(name, fields[i])), mayBeCoded: true }]
  );
  const kept = selected.kept.map((name) => ({
    name,
    column: columnOf(name, shapeOf(name)),
    mayBeCoded: true,
  }));
  return [...ofFields, ...kept];
}

function columnOf(name: string, { type, isTime }: ColumnShape): TableColumn {
  return { name, type, isTime, required: false, hasDefault: false, comment: "" };
}

/** Returns the type with which a column is read, for a field of the model or to be kept. */
type ShapeOf = (name: string, field?: Field) => ColumnShape;

const real: ColumnShape = { type: "REAL", isTime: false };
const text: ColumnShape = { type: "TEXT", isTime: false };
const integer: ColumnShape = { type: "INTEGER", isTime: false };
const time: ColumnShape = { type: "INTEGER", isTime: true };

/** Numeric fields are read as numbers, other columns with their type in the file; text files have no types. */
function createShapes(path: string, { textFormat, times }: RowSourceOptions): ShapeOf {
  const shapeOfNumber = ({ name }: Field) => times?.has(name) ? time : real;
  if (formatOf(path, textFormat) !== "parquet") {
    return (_, field) =>
      field?.type === "numeric" ? shapeOfNumber(field) : field?.type === "time" ? time : text;
  }
  const source = openSource(path);
  try {
    const meanings = new Map(
      readFooter(source).columns.map(({ name, element }) => [name, meaningOf(element)]),
    );
    return (name, field) => {
      const meaning = meanings.get(name);
      if (field?.type === "time") return time;
      if (field?.type !== "numeric") return shapeOfMeaning(meaning, field?.values);
      const shape = shapeOfNumber(field);
      // Reading as REAL rejects integers beyond 2^53 as inexact, but a numeric field may be inexact.
      return meaning?.is === "integer" && !shape.isTime ? integer : shape;
    };
  } finally {
    source.close();
  }
}

const typesOf: Partial<Record<Meaning["is"], ColumnType>> = {
  boolean: "INTEGER",
  integer: "INTEGER",
  time: "INTEGER",
  real: "REAL",
  half: "REAL",
  decimal: "REAL",
};

/** Number of decimal digits that a double always holds. */
const doubleDigits = 15;

/** @param values Type of a category's values. A category is read as in an ingest, where numbers as text keep all digits. */
function shapeOfMeaning(meaning: Meaning | undefined, values: ValueType | undefined): ColumnShape {
  if (meaning === undefined) return text;
  if (meaning.is === "time") return time;
  if (values === "text" || (values !== undefined && meaning.is === "decimal")) return text;
  if (meaning.is === "decimal" && meaning.scale <= 0) return integer;
  // A kept column keeps all its digits.
  if (meaning.is === "decimal" && meaning.precision > doubleDigits) return text;
  return { type: typesOf[meaning.is] ?? "TEXT", isTime: false };
}

function valuesOf(column: BatchColumn | CodedColumn, rowCount: number): Cell[];
function valuesOf(column: BatchColumn | CodedColumn, rowCount: number, read: ReadCell | undefined): unknown[];
function valuesOf(column: BatchColumn | CodedColumn, rowCount: number, read?: ReadCell): unknown[] {
  if (column.type === "CODES") {
    const { codes, entries: { cells } } = column;
    // `Array.from` with a function takes several times longer.
    const values = new Array<unknown>(rowCount);
    for (let i = 0; i < rowCount; i++) values[i] = cells[codes[i]];
    return values;
  }
  const cells: Cell[] = [];
  copyCells(column, 0, rowCount, { cells, at: 0, step: 1 });
  return read === undefined ? cells : cells.map(read);
}

type ReadCell = (cell: Cell) => unknown;

/**
 * Returns a function that converts a value to the model's spelling; undefined if values stay as they are. For a model that does
 * not keep its columns' types, numbers are spelled as in the store: the text 12.0 becomes 12, unless 12.0 is a level.
 */
function valueReader(field: Field, shape: ColumnShape, format: TextFormat): ReadCell | undefined {
  const { type, values, levels = [] } = field;
  if (type === "time" || (type === "numeric" && shape.type !== "TEXT")) return undefined;
  if (type !== "categorical" || values !== undefined) {
    const isSame = type === "categorical" && (!format.decimalComma || values === "text");
    return isSame ? undefined : fieldReader(field, format);
  }
  const known = new Set(levels);
  return (cell) => {
    if (typeof cell === "bigint") return String(cell);
    if (typeof cell !== "string" || known.has(cell)) return cell;
    const whole = /^([+-]?\d+)\.0*$/.exec(cell)?.[1];
    return whole === undefined ? cell : String(BigInt(whole));
  };
}

function faultsOf({ columns, buffers, rowFaults }: RowRun): Map<number, string> {
  const faults = new Map<number, string>();
  buffers.forEach((buffer, i) => {
    for (const [index, detail] of buffer.faults) faults.set(index, `column "${columns[i].name}": ${detail}`);
  });
  for (const [index, detail] of rowFaults) faults.set(index, detail);
  return faults;
}
