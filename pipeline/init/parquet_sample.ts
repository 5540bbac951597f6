import { openSource } from "../files/byte_source.ts";
import { describeType, meaningOf } from "../files/parquet/column_meaning.ts";
import { type Footer, type ParquetColumn, readFooter } from "../files/parquet/footer.ts";
import { openParquet } from "../files/parquet/reader.ts";
import type { ColumnKind } from "./column_profile.ts";
import { readColumn, type RowRange, rowsToLookAt, type SampledRows, sampleRows } from "./sampled_rows.ts";
import type { TableColumn } from "../store/table.ts";

/** A column of a file, in the type in which it is read. */
export interface ReadColumn {
  readonly column: TableColumn;
  readonly kind: ColumnKind;
}

/** The looked-at rows of a file, and its columns. */
export interface FileSample extends SampledRows {
  readonly read: readonly ReadColumn[];
  readonly rowCount: number;
  /** Columns that cannot be read, and why. */
  readonly unreadable: readonly { readonly column: string; readonly why: string }[];
}

/** Number of ranges in which a large file is looked at. */
const rangeCount = 4;

/**
 * Returns a function that reads columns of a parquet file in ranges of rows that are spread over it: those in a part of the list of
 * columns that can be read, from and to a share of its length.
 *
 * @throws {Failure} `file-missing`; `file-invalid` for a damaged file, or one beyond a limit.
 */
export function openSample(
  path: string,
): (from: number, to: number, signal?: AbortSignal) => Promise<FileSample> {
  const footer = footerOf(path);
  const kinds = footer.columns.map((column) => ({ column, kind: kindOf(column) }));
  const all = kinds.flatMap(({ column: { name }, kind }) =>
    kind === undefined ? [] : [{ column: readColumn(name, typeOf(kind), isTime(kind)), kind }]
  );
  const unreadable = kinds.flatMap(({ column, kind }) =>
    kind === undefined ? [{ column: column.name, why: whyUnreadable(column) }] : []
  );
  const ranges = all.length === 0 ? [] : rangesOf(footer, rowsToLookAt(all.length));
  return async (from, to, signal) => {
    const read = all.slice(Math.round(from * all.length), Math.round(to * all.length));
    const columns = read.map(({ column }) => column);
    const reader = openParquet(path, () => columns.map((column) => ({ column, name: column.name })));
    try {
      const sample = await sampleRows(reader, columns, { ranges, signal });
      const isWhole = sample.rows === footer.rowCount;
      return { ...sample, isWhole, read, unreadable, rowCount: footer.rowCount };
    } finally {
      reader.close();
    }
  };
}

function footerOf(path: string): Footer {
  const source = openSource(path);
  try {
    return readFooter(source);
  } finally {
    source.close();
  }
}

/** @returns undefined for a column that no column of a table can hold. */
function kindOf({ element, index, range }: ParquetColumn): ColumnKind | undefined {
  if (index === undefined && !range) return undefined;
  const meaning = meaningOf(element);
  switch (meaning.is) {
    case "nothing":
      return "empty";
    case "boolean":
    case "integer":
    case "real":
    case "text":
      return meaning.is;
    case "half":
      return "real";
    case "decimal":
      return meaning.scale === 0 && meaning.precision <= 18 ? "integer" : "real";
    case "time":
      return meaning.unit === "DAYS" ? "date" : "time";
    case "uuid":
      return "text";
    case "unknown":
      return undefined;
  }
}

function whyUnreadable({ element, index }: ParquetColumn): string {
  return index === undefined ? "it is a list, map or group of columns" : `it is ${describeType(element)}`;
}

/** Returns the type of a table's column for values of a kind. */
export function typeOf(kind: ColumnKind): TableColumn["type"] {
  switch (kind) {
    case "integer":
    case "boolean":
    case "time":
    case "date":
      return "INTEGER";
    case "real":
      return "REAL";
    case "text":
    case "empty":
      return "TEXT";
  }
}

export function isTime(kind: ColumnKind): boolean {
  return kind === "time" || kind === "date";
}

/** Spreads ranges over the file. If there are as many row groups, each begins with one: no page is read in vain. */
export function rangesOf(
  { rowCount, rowGroups }: { rowCount: number; rowGroups: readonly { readonly rowCount: number }[] },
  rows: number,
): RowRange[] {
  if (rowCount <= 1.5 * rows) return [{ skipped: 0, count: rowCount }];
  const count = Math.ceil(rows / rangeCount);
  let groupStart = 0;
  const groupStarts = rowGroups.map((group) => {
    groupStart += group.rowCount;
    return groupStart - group.rowCount;
  });
  let end = 0;
  return Array.from({ length: rangeCount }, (_, i) => {
    const even = Math.floor((i * (rowCount - count)) / (rangeCount - 1));
    const start = rowGroups.length < rangeCount ? even : groupStarts.findLast((at) => at <= even) ?? even;
    const skipped = Math.max(0, start - end);
    end += skipped + count;
    return { skipped, count };
  });
}
