import type { BatchColumn } from "../files/columns/batch.ts";

/** A column of numbers. */
type NumberColumn = Extract<BatchColumn, { type: "REAL" | "INTEGER" }>;

/** Returns a function that reads a cell; an integer that is no exact double is a bigint. */
function cellReader(column: NumberColumn): (row: number) => number | bigint | null {
  const { nulls } = column;
  if (column.type === "REAL") return (row) => nulls[row] === 1 ? null : column.values[row];
  const { words, exact } = column;
  return (row) => {
    if (nulls[row] === 1) return null;
    const high = words[2 * row + 1];
    const isExact = high >= -0x20_0000 && high < 0x20_0000;
    return isExact ? high * 2 ** 32 + (words[2 * row] >>> 0) : exact[row];
  };
}

/**
 * Returns a function that returns the results of a column's cells that are not null, by row.
 *
 * @param resultOf A function of the value alone.
 */
export function createCellResults(
  resultOf: (value: number | bigint) => number,
): (column: NumberColumn) => (row: number) => number {
  // The halves of an integer may be those of a real number.
  const known: Partial<Record<NumberColumn["type"], RecentResults>> = {};
  return (column) => {
    const { results, place } = known[column.type] ??= createRecentResults();
    const halves = halvesOf(column);
    const valueAt = cellReader(column);
    return (row) => {
      const found = place(halves[2 * row], halves[2 * row + 1]);
      if (found >= 0) return results[found];
      return results[-1 - found] = resultOf(valueAt(row) ?? NaN);
    };
  };
}

/** Returns the 64 bits of each cell as two numbers. */
function halvesOf(column: NumberColumn): Int32Array {
  if (column.type === "INTEGER") return column.words;
  return new Int32Array(column.values.buffer, column.values.byteOffset, 2 * column.values.length);
}

/** Base-2 logarithm of the number of keys that are remembered. */
const slotBits = 13;

/** Results of the latest keys of 64 bits: values of real columns recur, and to look one up takes a fraction of a logarithm. */
type RecentResults = ReturnType<typeof createRecentResults>;

/** Creates a memory of up to 8,192 results. A key takes the place of another one with its hash. */
function createRecentResults() {
  const keys = new Int32Array(2 << slotBits);
  const isUsed = new Uint8Array(1 << slotBits);
  const results = new Float64Array(1 << slotBits);
  return {
    /** By place. */
    results,
    /**
     * Finds the place of a key.
     *
     * @param low,high The halves of the key.
     * @returns The place of its result; or `-1 - place` if it has none yet: then the caller stores it there.
     */
    place(low: number, high: number): number {
      const place = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> (32 - slotBits);
      if (isUsed[place] === 1 && keys[2 * place] === low && keys[2 * place + 1] === high) return place;
      keys[2 * place] = low;
      keys[2 * place + 1] = high;
      isUsed[place] = 1;
      return -1 - place;
    },
  };
}
