import { type ByteSource, openSource } from "./byte_source.ts";
import { Failure } from "../failure.ts";
import { type ColumnCursor, openColumn } from "./parquet_column.ts";
import { type Conversion, conversionOf } from "./parquet_conversion.ts";
import { type Footer, type ParquetColumn, readFooter } from "./parquet_footer.ts";
import { describeType } from "./parquet_meaning.ts";
import type { RowReader, Run } from "./run.ts";
import type { ColumnSource } from "./column_source.ts";

/** A column of the file that is loaded, and how. */
interface Loaded {
  readonly column: ParquetColumn;
  readonly index: number;
  readonly conversion: Conversion;
}

/**
 * Opens a parquet file: flat columns of any codec and encoding, row group by row group, page by page.
 *
 * @param sources The columns to load, and what they are called in the file; those that it does not have are left out.
 * @throws {Failure} `file-missing`; `file-invalid` for what is no parquet file, is damaged or beyond a limit, or has a
 *   column of another type than the table's.
 */
export function openParquet(
  path: string,
  selectSources: (fileColumns: readonly string[]) => readonly ColumnSource[],
): RowReader {
  const source = openSource(path);
  try {
    const footer = readFooter(source);
    const columnNames = footer.columns.map(({ name }) => name);
    const loaded = selectSources(columnNames).map((wanted) => loadable(wanted, footer, path));
    const rows = rowsOf(source, footer, loaded);
    return {
      columnNames,
      rowCount: footer.rowCount,
      bytesRead: () => Math.round(source.size * (rows.count() / Math.max(1, footer.rowCount))),
      read: rows.read,
      close: source.close,
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

function loadable({ column: target, name }: ColumnSource, footer: Footer, path: string): Loaded {
  const column = footer.columns.find((candidate) => candidate.name === name);
  if (!column) throw new Error(`a column "${name}" was chosen that the file does not have`);
  const expected =
    { INTEGER: target.isTime ? "times" : "integers", REAL: "numbers", TEXT: "text" }[target.type];
  const conversion = column.index === undefined ? undefined : conversionOf(column.element, target);
  if (!conversion || column.index === undefined) {
    const found = column.index === undefined
      ? "a list, map or group of columns"
      : describeType(column.element);
    throw new Failure(
      "file-invalid",
      `Cannot load ${path}: column "${name}" is ${found}, expected ${expected}. Convert it, or name another with --column`,
    );
  }
  return { column, index: column.index, conversion };
}

interface Rows {
  /** Rows read so far. */
  count(): number;
  read(run: Run, rowsMax: number): number;
}

function rowsOf(source: ByteSource, footer: Footer, loaded: readonly Loaded[]): Rows {
  let group = 0;
  let rowsLeft = footer.rowGroups[0]?.rowCount ?? 0;
  let rowsRead = 0;
  let cursors: ColumnCursor[] | undefined;
  const openGroup = ({ buffers }: Run) =>
    loaded.map(({ column, index, conversion }, i) => {
      const chunk = footer.rowGroups[group].chunks[index];
      if (!chunk) throw damaged(source.name, column.name, group, "the row group lacks it");
      return openColumn(source, chunk, { element: column.element, conversion, buffer: buffers[i] });
    });
  return {
    count: () => rowsRead,
    read(run, rowsMax) {
      while (rowsLeft === 0) {
        group++;
        if (group >= footer.rowGroups.length) return 0;
        rowsLeft = footer.rowGroups[group].rowCount;
        cursors = undefined;
      }
      cursors ??= openGroup(run);
      const count = Math.min(rowsLeft, rowsMax);
      for (const [i, cursor] of cursors.entries()) {
        try {
          cursor.read(count);
        } catch (error) {
          if (error instanceof Failure) throw error;
          // What a decoder throws over bytes that no writer wrote is of any class.
          throw damaged(
            source.name,
            loaded[i].column.name,
            group,
            error instanceof Error ? error.message : String(error),
          );
        }
      }
      rowsLeft -= count;
      rowsRead += count;
      return count;
    },
  };
}

function damaged(path: string, column: string, group: number, detail: string): Failure {
  return new Failure(
    "file-invalid",
    `Cannot read ${path}: column "${column}", row group ${
      group + 1
    }: ${detail}. The file is damaged: write or copy it again.`,
  );
}
