import { type ByteSource, openSource } from "../byte_source.ts";
import { Failure, fileInvalid } from "../../failure.ts";
import { type ColumnCursor, openColumn } from "./column_reader.ts";
import { conversionOf } from "./conversion.ts";
import { type Footer, readFooter } from "./footer.ts";
import { describeType } from "./column_meaning.ts";
import { openRange } from "./pandas_index.ts";
import { NotSupported } from "./not_supported.ts";
import type { RowReader, RowRun } from "../columns/row_run.ts";
import type { ColumnSource, SelectSources } from "../columns/column_source.ts";

/** A column to load, and its conversion. */
type Loaded = ReturnType<typeof loadable>;

/** A reader that can skip rows without reading their pages. */
export interface ParquetReader extends RowReader {
  /** @param run The run that is read into. @throws {Failure} `file-invalid` */
  skip(run: RowRun, rowCount: number): void;
}

/**
 * Opens a parquet file: flat columns of any codec and encoding, row group by row group, page by page.
 *
 * @param selectSources Selects the columns to load, given those of the file.
 * @throws {Failure} `file-missing`; `file-invalid` if it is not a parquet file, or damaged or beyond a limit, or the type of a
 *   column is incompatible with the table.
 */
export function openParquet(
  path: string,
  selectSources: SelectSources,
): ParquetReader {
  const source = openSource(path);
  try {
    const footer = readFooter(source);
    const columnNames = footer.columns.map(({ name }) => name);
    const remark = footer.hasUnnamedIndex ? unnamedIndex : undefined;
    const loaded = selectSources(columnNames, remark).map((wanted) => loadable(wanted, footer, path));
    const rows = rowsOf(source, footer, loaded);
    return {
      columnNames,
      rowCount: footer.rowCount,
      bytesRead: () => Math.round(source.size * (rows.count() / Math.max(1, footer.rowCount))),
      read: rows.read,
      skip: rows.skip,
      close: source.close,
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

const unnamedIndex = "pandas numbers its rows by an unnamed index that is not a column of the file: " +
  'df.reset_index(names="id").to_parquet(…) writes it as the column "id"';

function loadable({ column: target, name, mayBeCoded = false }: ColumnSource, footer: Footer, path: string) {
  const column = footer.columns.find((candidate) => candidate.name === name);
  if (!column) throw new Error(`a column "${name}" was chosen that the file does not have`);
  const expected =
    { INTEGER: target.isTime ? "times" : "integers", REAL: "numbers", TEXT: "text" }[target.type];
  const isNested = column.index === undefined && !column.range;
  const conversion = isNested ? undefined : conversionOf(column.element, target);
  if (!conversion) {
    const found = isNested ? "a list, map or group of columns" : describeType(column.element);
    throw fileInvalid(
      `Cannot load ${path}: column "${name}" is ${found}, expected ${expected}. Convert it, or give another one with clickwell ingest --column${
        isNested ? "" : ", or change the type of the table's column with clickwell schema apply"
      }`,
    );
  }
  return { column, conversion, mayBeCoded };
}

function rowsOf(source: ByteSource, footer: Footer, loaded: readonly Loaded[]) {
  let group = 0;
  let rowsLeft = footer.rowGroups[0]?.rowCount ?? 0;
  let rowsRead = 0;
  let cursors: ColumnCursor[] | undefined;
  const failureOf = (error: unknown, column: string): Failure =>
    error instanceof Failure ? error : unreadable(source.name, column, group, error);
  const openGroup = ({ buffers }: RowRun): ColumnCursor[] => {
    const places = loaded.flatMap(({ column: { index } }) => index === undefined ? [] : [index]);
    const chunkAt = footer.rowGroups[group].openChunks(places);
    return loaded.map(({ column, conversion, mayBeCoded }, i) => {
      const target = { element: column.element, conversion, buffer: buffers[i], mayBeCoded };
      if (column.range) return openRange(column.range, rowsRead, target);
      try {
        return openColumn(source, chunkAt(column.index ?? -1), target);
      } catch (error) {
        throw failureOf(error, column.name);
      }
    });
  };
  /** Applies `use` to each column. */
  const forEachColumn = (open: readonly ColumnCursor[], use: (cursor: ColumnCursor) => void): void => {
    for (const [i, cursor] of open.entries()) {
      try {
        use(cursor);
      } catch (error) {
        throw failureOf(error, loaded[i].column.name);
      }
    }
  };
  /** @returns Whether there is another one. */
  const nextGroup = (): boolean => {
    if (group + 1 >= footer.rowGroups.length) return false;
    rowsLeft = footer.rowGroups[++group].rowCount;
    cursors = undefined;
    return true;
  };
  return {
    /** Number of rows read so far. */
    count: (): number => rowsRead,
    read(run: RowRun, rowsMax: number): number {
      while (rowsLeft === 0) if (!nextGroup()) return 0;
      cursors ??= openGroup(run);
      const count = Math.min(rowsLeft, rowsMax);
      rowsLeft -= count;
      forEachColumn(cursors, (cursor) => {
        cursor.read(count);
        if (rowsLeft === 0) cursor.end();
      });
      rowsRead += count;
      return count;
    },
    skip(run: RowRun, rowCount: number): void {
      let count = rowCount;
      while (count >= rowsLeft) {
        count -= rowsLeft;
        rowsRead += rowsLeft;
        rowsLeft = 0;
        if (!nextGroup()) return;
      }
      cursors ??= openGroup(run);
      forEachColumn(cursors, (cursor) => cursor.skip(count));
      rowsLeft -= count;
      rowsRead += count;
    },
  };
}

/** Makes a failure of any error: decoders throw errors of any class for damaged bytes. */
function unreadable(path: string, column: string, group: number, error: unknown): Failure {
  const detail = error instanceof Error ? error.message : String(error);
  const remedy = error instanceof NotSupported ? error.remedy : "The file is damaged: write or copy it again";
  return fileInvalid(
    `Cannot read ${path}: column "${column}", row group ${group + 1}: ${detail}. ${remedy}.`,
  );
}
