import { type ColumnBuffer, releaseBuffer } from "../files/columns/column_buffer.ts";
import { clearRowRun, createRowRun } from "../files/columns/row_run.ts";
import { openFile } from "../files/open_file.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";
import { requestCollection } from "../runtime/shared_memory_gc.ts";
import type { TableColumn } from "../store/table.ts";

/** Columns of a table to be read in all rows of its files. */
export interface WholeColumns {
  readonly paths: readonly string[];
  readonly format: TextFormat;
  /** In the types in which they are read. */
  readonly columns: readonly TableColumn[];
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the number of rows of a file that have been read. */
  readonly observe?: RowsObserver | undefined;
}

export type RowsObserver = (path: string, rows: number) => void;

/** Rows of a step, at most. */
export const stepRows = 4_096;
const stepsPerYield = 16;
/** Half a million rows. Without collections, the pages that were read stay, up to a limit that grows with the memory in use. */
const stepsPerCollection = 128;

/**
 * Reads columns, a few rows at a time.
 *
 * @param take Called with the buffers of the columns, and why rows of them cannot be split into values, by row; false ends the read.
 * @throws {Failure} as `openFile` and its readers; the reason of an aborted signal.
 */
export async function readWholeColumns(
  { paths, format, columns, signal, observe }: WholeColumns,
  take: (buffers: readonly ColumnBuffer[], rowFaults: ReadonlyMap<number, string>) => boolean,
): Promise<void> {
  const sources = columns.map((column) => ({ column, name: column.name }));
  for (const path of paths) {
    const reader = openFile(path, () => sources, format);
    const run = createRowRun(columns);
    try {
      let rows = 0;
      for (let step = 1, read = 1; (read = reader.read(run, stepRows)) > 0; step++) {
        rows += read;
        if (!take(run.buffers, run.rowFaults)) return;
        clearRowRun(run);
        if (step % stepsPerYield === 0) {
          observe?.(path, rows);
          await yieldToEventLoop();
          if (step % stepsPerCollection === 0) requestCollection();
        }
        signal?.throwIfAborted();
      }
    } finally {
      run.buffers.forEach(releaseBuffer);
      reader.close();
    }
  }
}
