import type { Batch, BatchColumn, RowFault } from "../files/columns/batch.ts";
import { isoTime } from "../files/columns/iso_time.ts";
import { type RowCounts, zeroCounts } from "./insertion.ts";
import type { TableColumn } from "../store/table.ts";

/** A report of one file: what was found in it, and the outcome of its rows. Stored as JSON in the log of loads. */
export interface FileReport extends Readonly<RowCounts> {
  readonly table: string;
  /** Name of the file, without its folder. */
  readonly file: string;
  /** Whether the same content was loaded before, so that its rows were not read again. */
  readonly loadedBefore: boolean;
  /** The row number that the store gave to the first row; absent if the file has the key. */
  readonly firstRowNumber?: number;
  /** Rows whose key an earlier row of the file has. */
  readonly duplicates: number;
  /** Rows without a value, by column. */
  readonly nulls: Readonly<Record<string, number>>;
  /** The first and the last time of each time column; null if all its values are NULL. */
  readonly times: Readonly<Record<string, TimeRange | null>>;
  /** Number of rejected rows by the constraint that they break. */
  readonly outOfRange: Readonly<Record<string, number>>;
  /** Number of rows whose parent was not in the store, by the column that refers to it. */
  readonly orphans: Readonly<Record<string, number>>;
  /** Columns of the file that the table does not have. */
  readonly leftOut: readonly string[];
  /** Columns of the table that the file does not have. */
  readonly missing: readonly string[];
}

/** Two times in ISO 8601, UTC. */
export interface TimeRange {
  readonly min: string;
  readonly max: string;
}

/** Counters of a file's quality report, updated batch by batch. */
export function createQualityCounter(columns: readonly TableColumn[]) {
  const nulls = new Float64Array(columns.length);
  const ranges = columns.map(({ isTime }) => isTime ? { min: Infinity, max: -Infinity } : undefined);
  const broken = new Map<string, number>();
  return {
    addBatch(batch: Batch): void {
      for (const [k, column] of batch.columns.entries()) {
        let count = 0;
        for (let i = 0; i < batch.rowCount; i++) count += column.nulls[i];
        nulls[k] += count;
        const range = ranges[k];
        if (range) widen(range, column, batch.rowCount);
      }
    },
    addRejected({ constraint }: RowFault): void {
      if (constraint !== undefined) broken.set(constraint, (broken.get(constraint) ?? 0) + 1);
    },
    nulls: (): Record<string, number> => Object.fromEntries(columns.map(({ name }, k) => [name, nulls[k]])),
    times: (): Record<string, TimeRange | null> =>
      Object.fromEntries(columns.flatMap(({ name }, k) => {
        const range = ranges[k];
        if (!range) return [];
        const isEmpty = range.min > range.max;
        return [[name, isEmpty ? null : { min: isoTime(range.min), max: isoTime(range.max) }]];
      })),
    outOfRange: (): Record<string, number> => Object.fromEntries(broken),
  };
}

/** Widens a range by the times of a column. Times beyond 2^53 microseconds (after the year 2255) may be rounded. */
function widen(range: { min: number; max: number }, column: BatchColumn, rowCount: number): void {
  if (column.type !== "INTEGER") return;
  const { words, nulls } = column;
  for (let i = 0; i < rowCount; i++) {
    if (nulls[i] === 1) continue;
    const value = words[2 * i + 1] * 2 ** 32 + (words[2 * i] >>> 0);
    if (value < range.min) range.min = value;
    if (value > range.max) range.max = value;
  }
}

/** Returns the sums over the reports of a table's files. */
export function sumCounts(reports: readonly Readonly<RowCounts>[]): RowCounts {
  const sum = zeroCounts();
  const names = ["read", "inserted", "unchanged", "replaced", "kept", "rejected"] as const;
  for (const report of reports) for (const name of names) sum[name] += report[name];
  return sum;
}
