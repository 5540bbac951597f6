import type { ParquetReader } from "../files/parquet/reader.ts";
import type { RowReader } from "../files/columns/row_run.ts";
import { clearRowRun, createRowRun } from "../files/columns/row_run.ts";
import { releaseBuffer } from "../files/columns/column_buffer.ts";
import { createYielding } from "../runtime/event_loop.ts";
import type { TableColumn } from "../store/table.ts";
import { type CollectedColumn, type ColumnValues, createCollector } from "./column_values.ts";

/** A range of consecutive rows. */
export interface RowRange {
  readonly skipped: number;
  readonly count: number;
}

/** The rows of a file that were looked at. */
export interface SampledRows {
  /** Without the faulty rows: a key is one although a line is cut off. */
  readonly columns: readonly CollectedColumn[];
  /** Number of rows, faulty ones included. */
  readonly rows: number;
  /** Number of rows that cannot be split into values. */
  readonly faultyRows: number;
  readonly faultyRow: string | undefined;
  readonly isWhole: boolean;
}

const stepRows = 4_096;
/** Number of values that are kept, at most: a table with thousands of columns is looked at in fewer rows. */
const valuesMax = 2 ** 24;

/** Returns how many rows to look at. @param columnCount Number of columns. */
export function rowsToLookAt(columnCount: number): number {
  const rowsMax = Math.floor(valuesMax / Math.max(1, columnCount));
  return Math.max(stepRows, Math.min(rowsWanted, rowsMax));
}

const rowsWanted = 100_000;

/** Describes a column for a reader of files. */
export function readColumn(name: string, type: TableColumn["type"], isTime = false): TableColumn {
  return { name, type, required: false, hasDefault: false, isTime, comment: "" };
}

interface Sampling {
  /** In the order of the file; each skips rows after the one before it. Readers of text skip none. */
  readonly ranges: readonly RowRange[];
  /** Whether texts become numbers if all of them are. */
  readonly readsNumbers?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads ranges of rows.
 *
 * @throws {Failure} as `read` does; the reason of an aborted signal.
 */
export async function sampleRows(
  reader: RowReader & Partial<Pick<ParquetReader, "skip">>,
  columns: readonly TableColumn[],
  { ranges, readsNumbers = false, signal }: Sampling,
): Promise<SampledRows> {
  const run = createRowRun(columns);
  const collectors = columns.map(() => createCollector({ readsNumbers }));
  let [rows, isWhole] = [0, false];
  const faulty = new Set<number>();
  let faultyRow: string | undefined;
  const yielding = createYielding();
  try {
    for (const { skipped, count } of ranges) {
      if (skipped > 0) reader.skip?.(run, skipped);
      for (let done = 0; done < count && !isWhole;) {
        const read = reader.read(run, Math.min(stepRows, count - done));
        isWhole = read === 0;
        done += read;
        for (const place of run.rowFaults.keys()) faulty.add(rows + place);
        rows += read;
        faultyRow ??= run.rowFaults.values().next().value;
        for (const [i, buffer] of run.buffers.entries()) collectors[i].append(buffer);
        clearRowRun(run);
        await yielding();
        signal?.throwIfAborted();
      }
    }
  } finally {
    run.buffers.forEach(releaseBuffer);
  }
  return {
    columns: collectors.map((collector) => withoutRows(collector.finish(), faulty)),
    rows,
    faultyRows: faulty.size,
    faultyRow,
    isWhole,
  };
}

function withoutRows(column: CollectedColumn, left: ReadonlySet<number>): CollectedColumn {
  if (left.size === 0) return column;
  const { values } = column;
  const isKept = (_: number, row: number) => !left.has(row);
  const kept: ColumnValues = values.is === "numbers"
    ? { is: "numbers", numbers: values.numbers.filter(isKept) }
    : { ...values, codes: values.codes.filter(isKept) };
  return { ...column, values: kept };
}
