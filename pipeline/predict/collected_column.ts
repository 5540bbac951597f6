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
    for (let i = 0; i < rowCount; i++) {
      const isNull = codes[i] === count - 1;
      nulls[typedCount + i] = isNull ? 1 : 0;
      if (isNull) hasNull = true;
    }
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
      for (let i = 0; i < values.length; i++) {
        const isNull = values[i] !== values[i];
        reals[typedCount] = values[i];
        nulls[typedCount++] = isNull ? 1 : 0;
        if (isNull) hasNull = true;
      }
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

function parquetCell(cell: Cell, type: ColumnType): unknown {
  if (cell === null) return null;
  return type === "INTEGER" ? BigInt(cell) : type === "TEXT" ? String(cell) : cell;
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
