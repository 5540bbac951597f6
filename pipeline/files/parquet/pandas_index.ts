import { parseJsonOfDoubles } from "../../exact_json.ts";
import type { ColumnCursor } from "./column_reader.ts";
import type { Conversion } from "./conversion.ts";
import type { ColumnBuffer } from "../columns/column_buffer.ts";

/** A range index of pandas, which is not a column of the file: its values follow from `start` and `step`. */
export interface RangeIndex {
  /** Absent if it has none. */
  readonly name?: string;
  readonly start: number;
  readonly step: number;
}

/**
 * Returns the range by which pandas numbers the rows of a file.
 *
 * @param metadata The JSON of pandas in the file.
 * @param rowCount Rows of the file; a range of another length is ignored.
 * @see https://pandas.pydata.org/docs/development/developer.html#storing-pandas-dataframe-objects-in-apache-parquet-format
 */
export function rangeIndexOf(metadata: string | undefined, rowCount: number): RangeIndex | undefined {
  const indexes = metadata === undefined ? undefined : indexesOf(metadata);
  if (!Array.isArray(indexes) || indexes.length !== 1) return undefined;
  const { kind, name, start, stop, step } = Object(indexes[0]);
  if (kind !== "range" || ![start, stop, step].every(Number.isSafeInteger) || step === 0) return undefined;
  if (Math.max(0, Math.ceil((stop - start) / step)) !== rowCount) return undefined;
  return typeof name === "string" ? { name, start, step } : { start, step };
}

function indexesOf(metadata: string): unknown {
  try {
    return Object(parseJsonOfDoubles(metadata)).index_columns;
  } catch {
    return undefined;
  }
}

/** Reads the numbers of a range as values of a column, from row `firstRow` on. */
export function openRange(
  { start, step }: RangeIndex,
  firstRow: number,
  { conversion, buffer }: { conversion: Conversion; buffer: ColumnBuffer },
): ColumnCursor {
  let next = BigInt(start) + BigInt(firstRow) * BigInt(step);
  return {
    read(rowCount) {
      const values = new BigInt64Array(rowCount);
      for (let i = 0; i < rowCount; i++, next += BigInt(step)) values[i] = next;
      const append = conversion({ kind: "integers", words: new Int32Array(values.buffer) }, buffer);
      for (let i = 0; i < rowCount; i++) append(i);
    },
    skip(rowCount) {
      next += BigInt(rowCount) * BigInt(step);
    },
    end() {},
  };
}
