import { type Cell, copyCells, gatherColumn } from "../files/columns/batch.ts";
import { type ColumnBuffer, releaseBuffer } from "../files/columns/column_buffer.ts";
import { clearRowRun, createRowRun } from "../files/columns/row_run.ts";
import { openFile } from "../files/open_file.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";
import type { TableColumn } from "../store/table.ts";
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
  const counters = searches.map(({ wanted }) => createKeyCounter(wanted));
  const sources = wantedColumns.map((column) => ({ column, name: column.name }));
  for (const path of paths) {
    const reader = openFile(path, () => sources, format);
    const run = createRowRun(wantedColumns);
    try {
      for (let step = 1; reader.read(run, stepRows) > 0; step++) {
        const cells = run.buffers.map(cellsOf);
        searches.forEach(({ column }, i) => {
          counters[i].count(cells[wantedColumns.findIndex(({ name }) => name === column)]);
        });
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

function cellsOf(buffer: ColumnBuffer): Cell[] {
  const column = gatherColumn(buffer, Uint32Array.from({ length: buffer.length }, (_, row) => row));
  const cells: Cell[] = [];
  copyCells(column, 0, buffer.length, { cells, at: 0, step: 1 });
  return cells;
}

/** Counts which of the wanted keys occur, and whether one occurs twice. Numbers are looked up without making texts of them. */
function createKeyCounter(wanted: ReadonlySet<string>) {
  const keys = new Map<Cell, string>();
  for (const key of wanted) {
    keys.set(key, key);
    const number = Number(key);
    if (Number.isSafeInteger(number) && String(number) === key) keys.set(number, key);
  }
  const found = new Set<string>();
  let repeated: string | undefined;
  return {
    count(cells: readonly Cell[]): void {
      for (const cell of cells) {
        const key = keys.get(typeof cell === "bigint" ? String(cell) : cell);
        if (key === undefined) continue;
        if (found.has(key)) repeated ??= key;
        else found.add(key);
      }
    },
    result: (): KeySearchResult => ({ found, repeated }),
  };
}
