import { type ColumnMaker, newColumns } from "../chunks/chunk_store.ts";
import { writtenLevel } from "./hash_join/written_codes.ts";
import { type InputColumn, inputColumnsOf } from "./input_columns.ts";
import { createLabelReader } from "./labels.ts";
import { kindBitOf, tableLevelOf } from "./level.ts";
import type { RawChunk } from "./raw_examples.ts";
import { createRecoding } from "./recoding.ts";
import { type ParentField, type RowLayout, type SideColumns, viewLayout } from "./row_layout.ts";
import { BadExample, badTime, badValue, groupOf, numberOf, type Row, weightOf } from "./row_values.ts";
import type { FeatureSpec } from "./spec.ts";
import { createTextCodes } from "./text_codes.ts";

export interface BuilderOptions {
  /** Rows of a chunk, at most. */
  readonly rowsMax: number;
  /** Allocates the chunks' columns. */
  readonly columns?: ColumnMaker;
  /** Layout of the rows; default: that of the view. */
  readonly layout?: RowLayout;
}

/** Collects rows into chunks and codes their categories in the order in which they appear. */
export function createChunkBuilder(spec: FeatureSpec, options: BuilderOptions) {
  const { rowsMax, columns = newColumns, layout = viewLayout(spec) } = options;
  const numbers = inputsWith(spec, layout, "number");
  const stride = numbers.length;
  const numeric = new Float64Array(rowsMax * stride);
  const categorical = inputsWith(spec, layout, "category").map(({ name, source }) => {
    const codes = new Uint32Array(rowsMax);
    return typeof source === "number"
      ? codedColumn(codes, source, (row) => badValue(row, source, spec, name, categoryExpected))
      : source.values
      ? recodedColumn(codes, source.parent, source.values)
      : laterColumn(codes);
  });
  const labels = new Uint8Array(rowsMax);
  const labelReader = createLabelReader(spec);
  const groups = new Uint32Array(rowsMax);
  const weights = spec.weight === undefined ? undefined : new Float64Array(rowsMax);
  const timeReader = createTimeReader(spec, layout, rowsMax);
  let rowCount = 0;
  const addNumbers = (rows: readonly Row[], j: number, parentRows: readonly Int32Array[]) => {
    const { name, source } = numbers[j];
    const target = { numeric, first: rowCount * stride + j, stride };
    if (typeof source !== "number") copyNumbers(source, parentRows, target, rows.length);
    else readNumbers(rows, source, target, (row) => badValue(row, source, spec, name, "a number"));
  };
  return {
    /** Per categorical field: the levels in the order of their codes, after null for missing. */
    levels: categorical.map(({ levels }) => levels),
    /** Per categorical field: the kinds of its values so far, as bits. */
    get kinds(): readonly number[] {
      return categorical.map((column) => column.kinds());
    },
    /** The label that counted as 0 so far, if the spec says which counts as 1. */
    get negative(): string | undefined {
      return labelReader.negative();
    },
    /** Rows added since the last chunk was taken. */
    get rowCount(): number {
      return rowCount;
    },
    add(rows: readonly Row[], side: SideColumns = { parentRows: [], labels }): void {
      for (let j = 0; j < stride; j++) addNumbers(rows, j, side.parentRows);
      for (const column of categorical) column.add(rows, rowCount, side.parentRows);
      const { label, group, weight } = layout;
      if (label === undefined) labels.set(side.labels.subarray(0, rows.length), rowCount);
      else for (let i = 0; i < rows.length; i++) labels[rowCount + i] = labelReader.read(rows[i], label);
      if (typeof group !== "number") copyGroups(group, side.parentRows, groups, rowCount, rows.length);
      else for (let i = 0; i < rows.length; i++) groups[rowCount + i] = groupOf(rows[i], group, spec);
      if (weights && weight !== undefined) {
        for (let i = 0; i < rows.length; i++) weights[rowCount + i] = weightOf(rows[i], weight, spec);
      }
      timeReader?.add(rows, rowCount, side.parentRows);
      rowCount += rows.length;
    },
    /** Returns the rows, which may be none, as a chunk. */
    take(): RawChunk {
      const chunk = {
        rowCount,
        numeric: filled(columns.float64(rowCount * stride), numeric),
        codes: categorical.map(({ codes, levels, isWide = false }) =>
          filled(
            isWide || levels.length > 0x10000 ? columns.uint32(rowCount) : columns.uint16(rowCount),
            codes,
          )
        ),
        labels: filled(columns.uint8(rowCount), labels),
        groups: filled(columns.uint32(rowCount), groups),
      };
      const taken = {
        ...chunk,
        ...(weights ? { weights: filled(columns.float64(rowCount), weights) } : {}),
        ...(timeReader ? { times: filled(columns.float64(rowCount), timeReader.times) } : {}),
      };
      rowCount = 0;
      return taken;
    },
  };
}

/** Reads the times of rows. @returns undefined if the rows have none. */
function createTimeReader(spec: FeatureSpec, { time }: RowLayout, rowsMax: number) {
  if (time === undefined) return undefined;
  const times = new Float64Array(rowsMax);
  return {
    /** Shape (rows). */
    times,
    /** Reads the times of the rows, to `times[from]` and on. */
    add(rows: readonly Row[], from: number, parentRows: readonly Int32Array[]): void {
      const target = { numeric: times, first: from, stride: 1 };
      if (typeof time !== "number") copyNumbers(time, parentRows, target, rows.length);
      else readNumbers(rows, time, target, (row) => badTime(row, time, spec));
    },
  };
}

/** Returns the columns of one kind that features read, and where they are in a row. */
function inputsWith({ features }: FeatureSpec, { fields }: RowLayout, kind: InputColumn["kind"]) {
  return inputColumnsOf(features)
    .map((column, i) => ({ ...column, source: fields[i] }))
    .filter((column) => column.kind === kind);
}

/** Elements `first`, `first + stride`, … of `numeric`. */
interface StridedColumn {
  readonly numeric: Float64Array;
  readonly first: number;
  readonly stride: number;
}

function readNumbers(
  rows: readonly Row[],
  at: number,
  { numeric, first, stride }: StridedColumn,
  bad: (row: Row) => BadExample,
): void {
  for (let i = 0, k = first; i < rows.length; i++, k += stride) {
    const value = rows[i][at];
    numeric[k] = typeof value === "number" && Number.isFinite(value)
      ? value
      : numberOf(value, () => bad(rows[i]));
  }
}

/** Numbers of a parent that comes later. */
const noNumbers = new Float64Array(new SharedArrayBuffer(0));

/** A separate function, as for all inner loops over shared memory: see `countCodes` of summarise.ts. */
function copyNumbers(
  { parent, values = noNumbers }: ParentField,
  parentRows: readonly Int32Array[],
  { numeric, first, stride }: StridedColumn,
  count: number,
): void {
  if (!(values instanceof Float64Array)) throw new Error("a numeric field is not stored as numbers");
  if (values === noNumbers) {
    for (let i = 0, k = first; i < count; i++, k += stride) numeric[k] = NaN;
    return;
  }
  const rows = parentRows[parent];
  for (let i = 0, k = first; i < count; i++, k += stride) numeric[k] = values[rows[i]];
}

function copyGroups(
  { parent, values }: ParentField,
  parentRows: readonly Int32Array[],
  target: Uint32Array,
  from: number,
  count: number,
): void {
  // Of a parent that comes later.
  if (!(values instanceof Uint32Array)) return;
  const rows = parentRows[parent];
  for (let i = 0; i < count; i++) target[from + i] = values[rows[i]];
}

/** Codes of one categorical field. */
interface CodeColumn {
  readonly codes: Uint32Array;
  /** By code; null for missing at 0. */
  readonly levels: (string | null)[];
  /** Whether the codes need 32 bits, whatever the number of levels. */
  readonly isWide?: boolean;
  /** Kinds of the values so far, as bits. */
  kinds(): number;
  /** Codes the field of the rows, from `codes[from]` on. */
  add(rows: readonly Row[], from: number, parentRows: readonly Int32Array[]): void;
}

const categoryExpected = "a category (text or number)";

/** Codes the values at index `at` of the rows. */
function codedColumn(codes: Uint32Array, at: number, bad: (row: Row) => BadExample): CodeColumn {
  const levels: (string | null)[] = [null];
  const codeOf = new Map<unknown, number>([[null, 0]]);
  const texts = createTextCodes(levels);
  /** Codes of values that came as numbers: 12 and "12" are one level, but two values. */
  const codeOfNumber = new Map<string, number>();
  let kinds = 0;
  const addValue = (value: unknown, row: Row): number => {
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") throw bad(row);
    kinds |= kindBitOf(value);
    const level = tableLevelOf(value);
    const known = typeof value === "string" ? codeOfNumber.get(level) : texts.find(level);
    const code = known || levels.push(level) - 1;
    if (typeof value === "string") texts.add(value, code);
    else {
      codeOf.set(value, code);
      codeOfNumber.set(level, code);
    }
    return code;
  };
  return {
    codes,
    levels,
    kinds: () => kinds,
    add(rows, from) {
      for (let i = 0; i < rows.length; i++) {
        const value = rows[i][at];
        codes[from + i] = typeof value === "string"
          ? texts.find(value) || addValue(value, rows[i])
          : codeOf.get(value) ?? addValue(value, rows[i]);
      }
    },
  };
}

/** Replaces the codes of the build side by the builder's own. */
function recodedColumn(
  codes: Uint32Array,
  parent: number,
  values: NonNullable<ParentField["values"]>,
): CodeColumn {
  if (!("codes" in values)) throw new Error("a categorical field is stored as numbers");
  const levels: (string | null)[] = [null];
  const { codes: written, levels: writtenLevels, kinds } = values;
  const recoded = createRecoding(levels, (code) => writtenLevel(code, writtenLevels));
  return {
    codes,
    levels,
    kinds: () => levels.length > 1 ? kinds : 0,
    add(rows, from, parentRows) {
      const parentRow = parentRows[parent];
      for (let i = 0; i < rows.length; i++) codes[from + i] = recoded(written[parentRow[i]]);
    },
  };
}

/** Codes that a parent gives later. */
function laterColumn(codes: Uint32Array): CodeColumn {
  return { codes, levels: [null], isWide: true, kinds: () => 0, add: () => {} };
}

/** Fills `target` from the start of `source`, which is as long or longer. */
function filled<A extends Float64Array | Uint32Array | Uint16Array | Uint8Array>(
  target: A,
  source: Float64Array | Uint32Array | Uint8Array,
): A {
  target.set(source.subarray(0, target.length));
  return target;
}
