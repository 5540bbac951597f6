import { sharedFloat64, sharedUint32 } from "../../runtime/shared_memory.ts";
import type { KeyEncoding } from "./key_encoding.ts";

/** What rows of a table have, apart from their key. */
export interface RowShape {
  readonly encoding: KeyEncoding;
  readonly numericCount: number;
  /** Columns of 32-bit words: written codes, and whatever else is one. */
  readonly codeCount: number;
}

/** Rows with a key each, in columns. */
export interface KeyedRows {
  readonly rowCount: number;
  /** Shape (rows, words of a key). */
  readonly keys: Uint32Array<SharedArrayBuffer>;
  /** Per numeric column, shape (rows). NaN is missing. */
  readonly numbers: readonly Float64Array<SharedArrayBuffer>[];
  /** Per column of words, shape (rows). */
  readonly codes: readonly Uint32Array<SharedArrayBuffer>[];
}

/** Rows that are appended one after the other. */
export interface RowBuffer extends KeyedRows {
  rowCount: number;
}

/** Returns the memory of one row, in bytes. */
export function rowBytesOf({ encoding, numericCount, codeCount }: RowShape): number {
  return 4 * encoding.width + 8 * numericCount + 4 * codeCount;
}

/** Creates a buffer without rows. */
export function createRowBuffer(
  { encoding, numericCount, codeCount }: RowShape,
  capacity: number,
): RowBuffer {
  return {
    rowCount: 0,
    keys: sharedUint32(capacity * encoding.width),
    numbers: Array.from({ length: numericCount }, () => sharedFloat64(capacity)),
    codes: Array.from({ length: codeCount }, () => sharedUint32(capacity)),
  };
}

/** Returns the rows of a buffer, which shares their memory. */
export function filledRows({ rowCount, keys, numbers, codes }: RowBuffer, { encoding }: RowShape): KeyedRows {
  return {
    rowCount,
    keys: keys.subarray(0, rowCount * encoding.width),
    numbers: numbers.map((column) => column.subarray(0, rowCount)),
    codes: codes.map((column) => column.subarray(0, rowCount)),
  };
}
