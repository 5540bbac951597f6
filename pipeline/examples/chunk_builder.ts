import { type ColumnMaker, newColumns } from "../chunks/chunk_store.ts";
import { createRecoder } from "./coding.ts";
import type { BuildSide } from "./hash_join/hash_join.ts";
import { codingOf, pick, placeColumns, type PlacedColumns } from "./hash_join/placed_columns.ts";
import { type InputColumn, inputColumnsOf } from "./input_columns.ts";
import { createLabelReader } from "./labels.ts";
import { kindBitOf, tableLevelOf } from "./level.ts";
import type { RawChunk } from "./raw_examples.ts";
import { type RowLayout, type SideColumns, viewLayout } from "./row_layout.ts";
import { BadExample, badTime, badValue, groupOf, numberOf, type Row, weightOf } from "./row_values.ts";
import type { FeatureSpec } from "./spec.ts";
import { createTextCodes } from "./text_codes.ts";
import { filled } from "../runtime/shared_memory.ts";

export interface BuilderOptions {
  /** Rows of a chunk, at most. */
  readonly rowsMax: number;
  /** Allocates the chunks' columns. */
  readonly columns?: ColumnMaker;
  /** Layout of the rows; default: that of the view. */
  readonly layout?: RowLayout;
  /** Parents whose columns are not in the rows. The values of those that are not in memory come later. */
  readonly buildSides?: readonly BuildSide[];
}

/** Collects rows into chunks and codes their categories in the order in which they appear. */
export function createChunkBuilder(spec: FeatureSpec, options: BuilderOptions) {
  const { rowsMax, columns = newColumns, layout = viewLayout(spec), buildSides = [] } = options;
  const stride = inputsWith(spec, layout, "number").length;
  const numeric = new Float64Array(rowsMax * stride);
  const inMemory = buildSides.map((side) => "table" in side ? [side] : []);
  const categorical = categoryColumns(spec, layout, inMemory.flat(), rowsMax);
  const labels = new Uint8Array(rowsMax);
  const labelReader = createLabelReader(spec);
  const groups = new Uint32Array(rowsMax);
  const weights = spec.weight === undefined ? undefined : new Float64Array(rowsMax);
  const times = spec.time === undefined ? undefined : new Float64Array(rowsMax);
  const examples = { numeric, stride, codes: categorical.map(({ codes }) => codes), groups, times };
  let rowCount = 0;
  const addNumbers = createNumberReader(spec, layout, examples);
  const addCategories = (rows: readonly Row[], { parentRows }: SideColumns) => {
    for (const { add } of categorical) add?.(rows, rowCount);
    inMemory.forEach((sides, parent) => {
      for (const side of sides) {
        addParent(side, examples, parentRows[parent], { first: rowCount, count: rows.length });
      }
    });
    for (const { codes, recode } of categorical) recode?.(codes, rowCount, rowCount + rows.length);
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
      addNumbers(rows, rowCount);
      addCategories(rows, side);
      const { label, group, weight } = layout;
      if (label === undefined) labels.set(side.labels.subarray(0, rows.length), rowCount);
      else for (let i = 0; i < rows.length; i++) labels[rowCount + i] = labelReader.read(rows[i], label);
      if (group !== undefined) {
        for (let i = 0; i < rows.length; i++) groups[rowCount + i] = groupOf(rows[i], group, spec);
      }
      if (weights && weight !== undefined) {
        for (let i = 0; i < rows.length; i++) weights[rowCount + i] = weightOf(rows[i], weight, spec);
      }
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
        ...(times ? { times: filled(columns.float64(rowCount), times) } : {}),
      };
      rowCount = 0;
      return taken;
    },
  };
}

/** Returns a function that reads the numbers and the time of rows, to those of examples from one on. */
function createNumberReader(
  spec: FeatureSpec,
  layout: RowLayout,
  { numeric, stride, times }: PlacedColumns,
): (rows: readonly Row[], from: number) => void {
  const { time } = layout;
  const numbers = inputsWith(spec, layout, "number");
  return (rows, from) => {
    numbers.forEach(({ name, at }, j) => {
      if (at === undefined) return;
      const target = { numeric, first: from * stride + j, stride };
      readNumbers(rows, at, target, (row) => badValue(row, at, spec, name, "a number"));
    });
    if (!times || time === undefined) return;
    const target = { numeric: times, first: from, stride: 1 };
    readNumbers(rows, time, target, (row) => badTime(row, time, spec));
  };
}

/** Creates the columns of categories. @param sides The parents in memory. */
function categoryColumns(
  spec: FeatureSpec,
  layout: RowLayout,
  sides: readonly BuildSide[],
  rowsMax: number,
): CodeColumn[] {
  return inputsWith(spec, layout, "category").map(({ name, at }, category) => {
    const codes = new Uint32Array(rowsMax);
    if (at !== undefined) {
      return codedColumn(codes, at, (row) => badValue(row, at, spec, name, categoryExpected));
    }
    const coding = codingOf(sides, category);
    return coding
      ? { codes, ...createRecoder(coding) }
      : { codes, levels: [null], isWide: true, kinds: () => 0 };
  });
}

/** Adds the columns of a parent in memory. @param rows Of the parent, one for each row that is added. */
function addParent(
  { table, places }: Extract<BuildSide, { readonly table: unknown }>,
  examples: PlacedColumns,
  rows: Int32Array,
  { first: row, count }: { readonly first: number; readonly count: number },
): void {
  placeColumns(
    table,
    places,
    examples,
    (values, { target, first, stride }) =>
      pick(values, rows, { from: 0, to: count }, { target, first: first + row * stride, stride }),
  );
}

/** Returns the columns of one kind that features read, and where they are in a row, unless a parent has them. */
function inputsWith({ features }: FeatureSpec, { fields }: RowLayout, kind: InputColumn["kind"]) {
  return inputColumnsOf(features)
    .map((column, i) => ({ ...column, at: fields[i] }))
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

/** Codes of one categorical field. */
interface CodeColumn {
  readonly codes: Uint32Array;
  /** By code; null for missing at 0. */
  readonly levels: (string | null)[];
  /** Whether the codes need 32 bits, whatever the number of levels. */
  readonly isWide?: boolean;
  /** Kinds of the values so far, as bits. */
  kinds(): number;
  /** Codes the field of the rows, to `codes[from]` and on; absent if a parent has the field. */
  readonly add?: (rows: readonly Row[], from: number) => void;
  /** Replaces codes of a parent in memory by the builder's own. */
  readonly recode?: (codes: Uint32Array, from: number, to: number) => void;
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
