import type { ValueType } from "../examples/level.ts";
import { openSource } from "../files/byte_source.ts";
import { type BatchColumn, type Cell, cellAt, gatherColumn } from "../files/columns/batch.ts";
import type { ColumnSource } from "../files/columns/column_source.ts";
import { formatOf, openFile } from "../files/open_file.ts";
import { readFooter } from "../files/parquet/footer.ts";
import { type Meaning, meaningOf } from "../files/parquet/column_meaning.ts";
import { clearRowRun, createRowRun, type RowRun } from "../files/columns/row_run.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import type { Field } from "../model/predictor.ts";
import type { ColumnType, TableColumn } from "../store/table.ts";
import {
  batchRows,
  fieldReader,
  type RowSource,
  type RowSourceOptions,
  selectColumns,
  type SelectedColumns,
} from "./row_batch.ts";

/** How a column is read. */
type ColumnShape = Pick<TableColumn, "type" | "isTime">;

/** Opens parquet or CSV. An empty field of CSV is null. */
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
  const readers = options.fields.map((field) => valueReader(field, format));
  const { fields: names, kept: keep } = selected;
  return {
    kept: keep.map((name) => ({ name, type: shapeOf(name).type })),
    bytesRead: reader.bytesRead,
    close: reader.close,
    next() {
      clearRowRun(run);
      const rowCount = reader.read(run, batchRows);
      if (rowCount === 0) return undefined;
      const places = Uint32Array.from({ length: rowCount }, (_, i) => i);
      const columns = run.buffers.map((buffer) => gatherColumn(buffer, places));
      let at = 0;
      const fields = names.map((name, i) =>
        name === undefined
          ? Array<unknown>(rowCount).fill(null)
          : valuesOf(columns[at++], rowCount, readers[i])
      );
      const kept = columns.slice(at).map((column) => valuesOf(column, rowCount, (cell) => cell));
      return { rowCount, fields, kept, faults: faultsOf(run) };
    },
  };
}

/** The file's columns in the order in which they are read: those of fields, then those that are kept. */
function sourcesOf(
  selected: SelectedColumns,
  fields: readonly Field[],
  shapeOf: ShapeOf,
): ColumnSource[] {
  const ofFields = selected.fields.flatMap((name, i) =>
    name === undefined ? [] : [{ name, column: columnOf(name, shapeOf(name, fields[i])) }]
  );
  return [...ofFields, ...selected.kept.map((name) => ({ name, column: columnOf(name, shapeOf(name)) }))];
}

function columnOf(name: string, { type, isTime }: ColumnShape): TableColumn {
  return { name, type, isTime, required: false, hasDefault: false, comment: "" };
}

/** What a file's column is read as: for a field of the model, or to be kept. */
type ShapeOf = (name: string, field?: Field) => ColumnShape;

const real: ColumnShape = { type: "REAL", isTime: false };
const text: ColumnShape = { type: "TEXT", isTime: false };
const integer: ColumnShape = { type: "INTEGER", isTime: false };
const time: ColumnShape = { type: "INTEGER", isTime: true };

/** A number of the model is a number; all else is what it is in the file. Text has no types. */
function createShapes(path: string, { textFormat, times }: RowSourceOptions): ShapeOf {
  const shapeOfNumber = ({ name }: Field) => times?.has(name) ? time : real;
  if (formatOf(path, textFormat) !== "parquet") {
    return (_, field) => field?.type === "numeric" ? shapeOfNumber(field) : text;
  }
  const source = openSource(path);
  try {
    const meanings = new Map(
      readFooter(source).columns.map(({ name, element }) => [name, meaningOf(element)]),
    );
    return (name, field) => {
      const meaning = meanings.get(name);
      if (field?.type !== "numeric") return shapeOfMeaning(meaning, field?.values);
      const shape = shapeOfNumber(field);
      // A column of reals takes no integer beyond 2^53: it would not be exact. A number of the model need not be.
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

/** Digits that a double holds, whichever they are. */
const doubleDigits = 15;

/** @param values Of a category: it is read as an ingest reads it, whose texts of numbers have all their digits. */
function shapeOfMeaning(meaning: Meaning | undefined, values: ValueType | undefined): ColumnShape {
  if (meaning === undefined) return text;
  if (meaning.is === "time") return time;
  if (values === "text" || (values !== undefined && meaning.is === "decimal")) return text;
  if (meaning.is === "decimal" && meaning.scale <= 0) return integer;
  // A column that is kept is kept with all its digits.
  if (meaning.is === "decimal" && meaning.precision > doubleDigits) return text;
  return { type: typesOf[meaning.is] ?? "TEXT", isTime: false };
}

function valuesOf<T>(column: BatchColumn, rowCount: number, read: (cell: Cell) => T): T[] {
  return Array.from({ length: rowCount }, (_, i) => read(cellAt(column, i)));
}

/**
 * A category of a file is what the model reads it as. For a model that does not keep its columns' types, it is spelled as the
 * store would have it: 12.0 in a text of a number is 12, unless 12.0 is a level.
 */
function valueReader(field: Field, format: TextFormat): (cell: Cell) => unknown {
  const { type, values, levels = [] } = field;
  if (type === "numeric" || values !== undefined) return fieldReader(field, format);
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
    for (const [place, detail] of buffer.faults) faults.set(place, `column "${columns[i].name}": ${detail}`);
  });
  for (const [place, detail] of rowFaults) faults.set(place, detail);
  return faults;
}
