import type { SchemaElement } from "hyparquet";
import { openSource } from "../files/byte_source.ts";
import { type BatchColumn, type Cell, cellAt, gatherColumn } from "../files/batch.ts";
import type { ColumnSource } from "../files/column_source.ts";
import { formatOf, openFile } from "../files/open_file.ts";
import { readFooter } from "../files/parquet_footer.ts";
import { meaningOf } from "../files/parquet_meaning.ts";
import { clearRun, createRun, type Run } from "../files/run.ts";
import type { TextFormat } from "../files/text_format.ts";
import type { Field } from "../model/predictor.ts";
import type { ColumnType, TableColumn } from "../store/table.ts";
import {
  batchRows,
  type RowSource,
  type RowSourceOptions,
  selectColumns,
  type SelectedColumns,
} from "./row_batch.ts";

/** How a column is read. */
type ColumnShape = Pick<TableColumn, "type" | "isTime">;

/** Opens parquet or CSV. An empty field of CSV is null. */
export function openTableRows(path: string, options: RowSourceOptions): RowSource {
  const shapeOf = createShapes(path, options.textFormat);
  let selected: SelectedColumns = { fields: [], kept: [] };
  let sources: readonly ColumnSource[] = [];
  const reader = openFile(path, (fileColumns) => {
    selected = selectColumns(path, fileColumns, options);
    sources = sourcesOf(selected, options.fields, shapeOf);
    return sources;
  }, options.textFormat);
  const run = createRun(sources.map(({ column }) => column));
  const readers = options.fields.map(valueReader);
  const { fields: names, kept: keep } = selected;
  return {
    kept: keep.map((name) => ({ name, type: shapeOf(name).type })),
    bytesRead: reader.bytesRead,
    close: reader.close,
    next() {
      clearRun(run);
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
  shapeOf: (name: string) => ColumnShape,
): ColumnSource[] {
  const real: ColumnShape = { type: "REAL", isTime: false };
  const ofFields = selected.fields.flatMap((name, i) =>
    name === undefined
      ? []
      : [{ name, column: columnOf(name, fields[i].type === "numeric" ? real : shapeOf(name)) }]
  );
  return [...ofFields, ...selected.kept.map((name) => ({ name, column: columnOf(name, shapeOf(name)) }))];
}

function columnOf(name: string, { type, isTime }: ColumnShape): TableColumn {
  return { name, type, isTime, required: false, hasDefault: false, comment: "" };
}

/** What a file's column is read as where it is no number of the model: as it is. Text has no types. */
function createShapes(path: string, format: TextFormat | undefined): (name: string) => ColumnShape {
  if (formatOf(path, format) !== "parquet") return () => ({ type: "TEXT", isTime: false });
  const source = openSource(path);
  try {
    const elements = new Map(readFooter(source).columns.map(({ name, element }) => [name, element]));
    return (name) => shapeOfElement(elements.get(name));
  } finally {
    source.close();
  }
}

function shapeOfElement(element: SchemaElement | undefined): ColumnShape {
  const is = element ? meaningOf(element).is : "unknown";
  const types: Partial<Record<typeof is, ColumnType>> = {
    boolean: "INTEGER",
    integer: "INTEGER",
    time: "INTEGER",
    real: "REAL",
    half: "REAL",
    decimal: "REAL",
  };
  return { type: types[is] ?? "TEXT", isTime: is === "time" };
}

function valuesOf<T>(column: BatchColumn, rowCount: number, read: (cell: Cell) => T): T[] {
  return Array.from({ length: rowCount }, (_, i) => read(cellAt(column, i)));
}

/** A category of a file is spelled as the store would have it: 12.0 in a text of a number is 12, unless 12.0 is a level. */
function valueReader({ type, levels = [] }: Field): (cell: Cell) => unknown {
  if (type === "numeric") return (cell) => cell;
  const known = new Set(levels);
  return (cell) => {
    if (typeof cell === "bigint") return String(cell);
    if (typeof cell !== "string" || known.has(cell)) return cell;
    const whole = /^([+-]?\d+)\.0*$/.exec(cell)?.[1];
    return whole === undefined ? cell : String(BigInt(whole));
  };
}

function faultsOf({ columns, buffers, rowFaults }: Run): Map<number, string> {
  const faults = new Map<number, string>();
  buffers.forEach((buffer, i) => {
    for (const [place, detail] of buffer.faults) faults.set(place, `column "${columns[i].name}": ${detail}`);
  });
  for (const [place, detail] of rowFaults) faults.set(place, detail);
  return faults;
}
