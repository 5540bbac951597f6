import { openSource } from "./byte_source.ts";
import { appendNumberText } from "./checked_append.ts";
import { appendNull, appendText, type ColumnBuffer } from "./column_buffer.ts";
import type { ColumnSource } from "./column_source.ts";
import { type CsvRecord, emptyRecord, readRecord } from "./csv_record.ts";
import { Failure } from "../failure.ts";
import { printable } from "./printable.ts";
import type { RowReader, Run } from "./run.ts";
import type { TableColumn } from "../store/table.ts";
import { openWindow, type TextWindow } from "./text_window.ts";

/** What parts fields: the one that the header has most of. */
const delimiters = [",", ";", "\t"].map((character) => character.charCodeAt(0));
/** A longer number or time is none. */
const numberBytesMax = 400;

const decoder = new TextDecoder();

/**
 * Opens a file of comma-, semicolon- or tab-separated values in UTF-8, with a header.
 *
 * An empty field is NULL; so is NaN in a column of numbers. An empty text is `""`.
 *
 * @param selectSources Which of the file's columns are loaded.
 * @throws {Failure} `file-missing`, or `file-invalid` for UTF-16, a header with two columns of one name, or no header.
 */
export function openCsv(
  path: string,
  selectSources: (fileColumns: readonly string[]) => readonly ColumnSource[],
): RowReader {
  const source = openSource(path);
  try {
    const window = openWindow(source);
    const format = { delimiter: commonDelimiter(window), name: path };
    const record = emptyRecord();
    if (!readRecord(window, record, format)) {
      throw new Failure("file-invalid", `Cannot read ${path}: it is empty, expected a header.`);
    }
    const columnNames = namesOf(window, record, path);
    const places = selectSources(columnNames).map(({ name }) => columnNames.indexOf(name));
    return {
      columnNames,
      rowCount: undefined,
      bytesRead: window.bytesRead,
      read(run, rowsMax) {
        let count = 0;
        while (count < rowsMax && readRecord(window, record, format)) {
          appendRecord(run, window.bytes, record, { places, fieldCount: columnNames.length });
          count++;
        }
        return count;
      },
      close: source.close,
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

function commonDelimiter({ bytes, start, end }: TextWindow): number {
  let best = delimiters[0];
  let most = 0;
  for (const delimiter of delimiters) {
    let count = 0;
    for (let i = start; i < end && bytes[i] !== 0x0a; i++) if (bytes[i] === delimiter) count++;
    if (count > most) [best, most] = [delimiter, count];
  }
  return best;
}

function namesOf({ bytes }: TextWindow, record: CsvRecord, path: string): string[] {
  const names = Array.from(
    { length: record.fieldCount },
    (_, i) => decoder.decode(bytes.subarray(record.starts[i], record.ends[i])).trim(),
  );
  const repeated = names.find((name, i) => name !== "" && names.indexOf(name) !== i);
  if (repeated) {
    throw new Failure(
      "file-invalid",
      `Cannot read ${path}: it has two columns ${printable(repeated)}. Rename one.`,
    );
  }
  return names;
}

interface Layout {
  /** For each column of the run, its place in a record. */
  readonly places: readonly number[];
  readonly fieldCount: number;
}

function appendRecord(run: Run, bytes: Uint8Array, record: CsvRecord, { places, fieldCount }: Layout): void {
  const isWhole = record.fieldCount === fieldCount && !record.isMalformed;
  if (!isWhole) {
    const detail = record.isMalformed
      ? "a field goes on behind its closing quote"
      : `${record.fieldCount} fields, expected ${fieldCount}`;
    run.rowFaults.set(run.buffers[0].length, detail);
  }
  for (let i = 0; i < places.length; i++) {
    const field = places[i];
    if (isWhole) {
      appendField(run.buffers[i], run.columns[i], {
        bytes,
        start: record.starts[field],
        end: record.ends[field],
        isQuoted: record.isQuoted[field],
      });
    } else appendNull(run.buffers[i]);
  }
}

interface Field {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly isQuoted: boolean;
}

function appendField(
  buffer: ColumnBuffer,
  column: TableColumn,
  { bytes, start, end, isQuoted }: Field,
): void {
  if (buffer.type === "TEXT") {
    return start === end && !isQuoted ? appendNull(buffer) : appendText(buffer, bytes, start, end);
  }
  appendNumberText(
    buffer,
    column,
    decoder.decode(bytes.subarray(start, Math.min(end, start + numberBytesMax))).trim(),
  );
}
