import type { TableColumn } from "../store/table.ts";
import { keyNumber, writeKeys } from "./key_numbers.ts";
import type { KeySearch, KeySearchResult } from "./references.ts";
import { readWholeColumns, stepRows, type WholeColumns } from "./whole_columns.ts";

/**
 * Reads the searched columns of a table, in one pass over its files. Memory is bounded by the wanted keys.
 *
 * @throws {Failure} as `readWholeColumns`.
 */
export async function searchKeys(
  table: WholeColumns,
  searches: readonly Omit<KeySearch, "table">[],
): Promise<KeySearchResult[]> {
  const columns = table.columns.filter(({ name }) => searches.some(({ column }) => column === name));
  const counters = searches.map(({ column, wanted }) => {
    const at = columns.findIndex(({ name }) => name === column);
    return { at, ...createKeyCounter(wanted, columns[at]) };
  });
  const numbers = new Float64Array(stepRows);
  await readWholeColumns({ ...table, columns }, (buffers) => {
    for (const [at, buffer] of buffers.entries()) {
      writeKeys(buffer, numbers);
      const own = counters.filter((counter) => counter.at === at);
      for (const { count } of own) count(numbers.subarray(0, buffer.length), buffer.nulls);
    }
    return true;
  });
  return counters.map(({ result }) => result());
}

/** Counts which of the wanted keys occur, and whether one occurs twice, by their numbers. */
function createKeyCounter(wanted: ReadonlySet<string>, { type }: TableColumn) {
  const keys = new Map<number, string>();
  for (const key of wanted) {
    const number = keyNumber(key, type);
    if (number !== undefined) keys.set(number, key);
  }
  const found = new Set<string>();
  let [nullCount, repeated]: [number, string | undefined] = [0, undefined];
  return {
    /** @param numbers The numbers of a range of rows. */
    count(numbers: Float64Array, nulls: Uint8Array): void {
      for (let row = 0; row < numbers.length; row++) {
        nullCount += nulls[row];
        const key = keys.get(numbers[row]);
        if (key === undefined || nulls[row] === 1) continue;
        if (found.has(key)) repeated ??= key;
        else found.add(key);
      }
    },
    result: (): KeySearchResult => ({ found, repeated, nullCount }),
  };
}
