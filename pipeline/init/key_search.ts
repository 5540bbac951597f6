import { releaseBuffer } from "../files/columns/column_buffer.ts";
import { clearRowRun, createRowRun } from "../files/columns/row_run.ts";
import { openFile } from "../files/open_file.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";
import type { TableColumn } from "../store/table.ts";
import { keyNumber, writeKeys } from "./key_numbers.ts";
import type { KeySearch, KeySearchResult } from "./references.ts";

/** The files of a table that may have the keys. */
export interface SearchedTable {
  readonly paths: readonly string[];
  readonly format: TextFormat;
  /** The columns in the types in which they are read. */
  readonly columns: readonly TableColumn[];
}

const stepRows = 4_096;
const stepsPerYield = 16;

/**
 * Reads the searched columns of a table, in one pass over its files. Memory is bounded by the wanted keys.
 *
 * @throws {Failure} as `openFile` and its readers; the reason of an aborted signal.
 */
export async function searchKeys(
  { paths, format, columns }: SearchedTable,
  searches: readonly Omit<KeySearch, "table">[],
  signal?: AbortSignal,
): Promise<KeySearchResult[]> {
  const wantedColumns = columns.filter(({ name }) => searches.some(({ column }) => column === name));
  const placeOf = (name: string) => wantedColumns.findIndex((column) => column.name === name);
  const counters = searches.map(({ column, wanted }) => {
    const at = placeOf(column);
    return { at, ...createKeyCounter(wanted, wantedColumns[at]) };
  });
  const numbers = new Float64Array(stepRows);
  const sources = wantedColumns.map((column) => ({ column, name: column.name }));
  for (const path of paths) {
    const reader = openFile(path, () => sources, format);
    const run = createRowRun(wantedColumns);
    try {
      for (let step = 1; reader.read(run, stepRows) > 0; step++) {
        for (const [at, buffer] of run.buffers.entries()) {
          writeKeys(buffer, numbers);
          const own = counters.filter((counter) => counter.at === at);
          for (const { count } of own) count(numbers.subarray(0, buffer.length), buffer.nulls);
        }
        clearRowRun(run);
        if (step % stepsPerYield === 0) await yieldToEventLoop();
        signal?.throwIfAborted();
      }
    } finally {
      run.buffers.forEach(releaseBuffer);
      reader.close();
    }
  }
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
  let repeated: string | undefined;
  return {
    /** @param numbers The numbers of a range of rows. */
    count(numbers: Float64Array, nulls: Uint8Array): void {
      for (let row = 0; row < numbers.length; row++) {
        const key = keys.get(numbers[row]);
        if (key === undefined || nulls[row] === 1) continue;
        if (found.has(key)) repeated ??= key;
        else found.add(key);
      }
    },
    result: (): KeySearchResult => ({ found, repeated }),
  };
}
