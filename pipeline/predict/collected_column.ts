import type { DecodedArray } from "hyparquet";
import type { BatchColumn, Cell } from "../files/columns/batch.ts";
import type { CodedColumn } from "../model/column_findings.ts";
import type { ColumnType } from "../store/table.ts";

/** A column of a row group of the output, collected batch by batch. */
export type CollectedColumn = ReturnType<typeof createCollectedColumn>;

/**
 * Collects numbers in typed arrays as long as they come so, without an object each, and other cells in an array.
 *
 * @param rowsMax Rows that fit until they are taken.
 */
export function createCollectedColumn(type: ColumnType, rowsMax: number) {
  const reals = new Float64Array(type === "TEXT" ? 0 : rowsMax);
  /** The same memory as 64-bit integers, and as their words, the low one first. */
  const integers = new BigInt64Array(reals.buffer);
  const words = new Int32Array(reals.buffer);
  const nulls = new Uint8Array(reals.length);
  let typedCount = 0;
  let hasNull = false;
  let cells: unknown[] = [];

  const valueAt = (row: number): unknown =>
    nulls[row] === 1 ? null : type === "INTEGER" ? integers[row] : reals[row];

  const appendCoded = ({ codes, entries: { typed, count } }: CodedColumn, rowCount: number): boolean => {
    if (typed?.type !== type || typed.type === "TEXT" || cells.length > 0) return false;
    if (typed.type === "INTEGER") gatherWords(words, typedCount, typed.words, codes, rowCount);
    else if (typed.type === "REAL") gatherReals(reals, typedCount, typed.values, codes, rowCount);
    if (markNullCodes(codes, rowCount, count - 1, nulls, typedCount)) hasNull = true;
    typedCount += rowCount;
    return true;
  };
  return {
    length: (): number => typedCount + cells.length,
    /** @returns Whether the values were appended: otherwise their cells have to be. */
    appendTyped(column: BatchColumn | CodedColumn, rowCount: number): boolean {
      if (column.type === "CODES") return appendCoded(column, rowCount);
      if (column.type !== type || column.type === "TEXT" || cells.length > 0) return false;
      if (column.type === "INTEGER") words.set(column.words.subarray(0, 2 * rowCount), 2 * typedCount);
      else if (column.type === "REAL") reals.set(column.values.subarray(0, rowCount), typedCount);
      const rowNulls = column.nulls.subarray(0, rowCount);
      nulls.set(rowNulls, typedCount);
      hasNull ||= rowNulls.includes(1);
      typedCount += rowCount;
      return true;
    },
    /** @param values NaN for none. */
    appendReals(values: Float64Array): void {
      reals.set(values, typedCount);
      if (markNaN(values, nulls, typedCount)) hasNull = true;
      typedCount += values.length;
    },
    appendCells(values: readonly Cell[]): void {
      for (let row = 0; row < typedCount; row++) cells.push(valueAt(row));
      typedCount = 0;
      hasNull = false;
      for (const cell of values) cells.push(parquetCell(cell, type));
    },
    /** Returns the values, null for none, and forgets them. They are valid until the next ones are appended. */
    take(): DecodedArray {
      const [taken, typed] = [cells, typedCount];
      cells = [];
      typedCount = 0;
      if (taken.length > 0) return taken as DecodedArray;
      if (hasNull) {
        hasNull = false;
        return Array.from({ length: typed }, (_, row) => valueAt(row)) as DecodedArray;
      }
      return type === "INTEGER" ? integers.subarray(0, typed) : reals.subarray(0, typed);
    },
  };
}

/** Sets the nulls of the rows of these values, from `first` on. @returns Whether there are any. */
function markNaN(values: Float64Array, nulls: Uint8Array, first: number): boolean {
  nulls.fill(0, first, first + values.length);
  let found = false;
  for (let i = 0; i < values.length; i++) {
    if (values[i] === values[i]) continue;
    nulls[first + i] = 1;
    found = true;
  }
  return found;
}

function parquetCell(cell: Cell, type: ColumnType): unknown {
  if (cell === null) return null;
  return type === "INTEGER" ? BigInt(cell) : type === "TEXT" ? String(cell) : cell;
}

/** Sets the nulls of the rows of these codes, from `first` on. @returns Whether there are any. */
function markNullCodes(
  codes: Int32Array,
  rowCount: number,
  ofNull: number,
  nulls: Uint8Array,
  first: number,
): boolean {
  nulls.fill(0, first, first + rowCount);
  let found = false;
  for (let i = 0; i < rowCount; i++) {
    if (codes[i] !== ofNull) continue;
    nulls[first + i] = 1;
    found = true;
  }
  return found;
}

function gatherWords(
  words: Int32Array,
  first: number,
  from: Int32Array,
  codes: Int32Array,
  rowCount: number,
): void {
  for (let i = 0, to = 2 * first; i < rowCount; i++, to += 2) {
    words[to] = from[2 * codes[i]];
    words[to + 1] = from[2 * codes[i] + 1];
  }
}

function gatherReals(
  reals: Float64Array,
  first: number,
  from: Float64Array,
  codes: Int32Array,
  rowCount: number,
): void {
  for (let i = 0; i < rowCount; i++) reals[first + i] = from[codes[i]];
}
