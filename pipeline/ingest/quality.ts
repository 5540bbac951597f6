import type { Batch, BatchColumn, RowFault } from "../files/columns/batch.ts";
import { isoTime } from "../files/columns/field_value.ts";
import type { RowCounts } from "./insertion.ts";
import type { TableColumn } from "../store/table.ts";

/** What was found in one file, and what became of its rows. Plain data: it is kept in the store as JSON. */
export interface FileReport extends Readonly<RowCounts> {
  readonly table: string;
  /** Name of the file, without its folder. */
  readonly file: string;
  /** Whether the same content was loaded before, so that its rows were not looked at again. */
  readonly loadedBefore: boolean;
  /** Rows whose key an earlier row of the file has. */
  readonly duplicates: number;
  /** Rows without a value, by column. */
  readonly nulls: Readonly<Record<string, number>>;
  /** The first and the last time of each column of times; null if it has none. */
  readonly times: Readonly<Record<string, TimeRange | null>>;
  /** Rejected rows by the constraint that they break. */
  readonly outOfRange: Readonly<Record<string, number>>;
  /** Rows whose parent was not in the store, by the column that refers to it. */
  readonly orphans: Readonly<Record<string, number>>;
  /** Columns of the file that the table does not have. */
  readonly leftOut: readonly string[];
  /** Columns of the table that the file does not have. */
  readonly missing: readonly string[];
}

/** In ISO 8601, UTC. */
export interface TimeRange {
  readonly min: string;
  readonly max: string;
}

/** Counts what is found in a file's rows as they pass. */
export interface QualityCounter {
  addBatch(batch: Batch): void;
  addRejected(fault: RowFault): void;
  nulls(): Record<string, number>;
  times(): Record<string, TimeRange | null>;
  outOfRange(): Record<string, number>;
}

export function createQualityCounter(columns: readonly TableColumn[]): QualityCounter {
  const nulls = new Float64Array(columns.length);
  const ranges = columns.map(({ isTime }) => isTime ? { min: Infinity, max: -Infinity } : undefined);
  const broken = new Map<string, number>();
  return {
    addBatch(batch) {
      for (const [k, column] of batch.columns.entries()) {
        let count = 0;
        for (let i = 0; i < batch.rowCount; i++) count += column.nulls[i];
        nulls[k] += count;
        const range = ranges[k];
        if (range) widen(range, column, batch.rowCount);
      }
    },
    addRejected({ constraint }) {
      if (constraint !== undefined) broken.set(constraint, (broken.get(constraint) ?? 0) + 1);
    },
    nulls: () => Object.fromEntries(columns.map(({ name }, k) => [name, nulls[k]])),
    times: () =>
      Object.fromEntries(columns.flatMap(({ name }, k) => {
        const range = ranges[k];
        if (!range) return [];
        const isEmpty = range.min > range.max;
        return [[name, isEmpty ? null : { min: isoTime(range.min), max: isoTime(range.max) }]];
      })),
    outOfRange: () => Object.fromEntries(broken),
  };
}

/** Times beyond 2^53 microseconds, of years that no calendar has, may be rounded. */
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

/** Adds up the reports of a table's files. */
export function sumCounts(reports: readonly Readonly<RowCounts>[]): RowCounts {
  const sum: RowCounts = { read: 0, inserted: 0, unchanged: 0, replaced: 0, kept: 0, rejected: 0 };
  for (const report of reports) {
    sum.read += report.read;
    sum.inserted += report.inserted;
    sum.unchanged += report.unchanged;
    sum.replaced += report.replaced;
    sum.kept += report.kept;
    sum.rejected += report.rejected;
  }
  return sum;
}
