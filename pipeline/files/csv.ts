import { appendNumberText } from "./checked_append.ts";
import {
  appendFault,
  appendInteger,
  appendNull,
  appendReal,
  appendText,
  type ColumnBuffer,
  isUtf8,
  notUtf8,
  type TextBuffer,
} from "./column_buffer.ts";
import type { ColumnSource } from "./column_source.ts";
import { chooseDelimiter, delimiterHint } from "./csv_delimiter.ts";
import { type CsvRecord, emptyRecord, readRecord } from "./csv_record.ts";
import { Failure } from "../failure.ts";
import { printable } from "./printable.ts";
import { appendFaultyRow, type RowReader, type Run } from "./run.ts";
import type { TableColumn } from "../store/table.ts";
import { encodingHint, type TextFormat } from "./text_format.ts";
import { openText } from "./text_input.ts";
import type { TextWindow } from "./text_window.ts";

/** A longer number or time is none. */
const numberBytesMax = 400;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Opens a file of separated values with a header. An empty field is NULL, whether in quotes or not; so are the texts that
 * the format names, and NaN in a column of numbers.
 *
 * @param selectSources Which of the file's columns are loaded.
 * @throws {Failure} `file-missing`, or `file-invalid` for another encoding than the format's, a header with two columns of
 *   one name, or no header.
 */
export function openCsv(
  path: string,
  selectSources: (fileColumns: readonly string[]) => readonly ColumnSource[],
  format: TextFormat = {},
): RowReader {
  const text = openText(path, format);
  try {
    const { window } = text;
    const delimiter = chooseDelimiter(window, format.delimiter);
    const layout = { delimiter, name: path };
    const record = emptyRecord();
    if (!readRecord(window, record, layout)) {
      throw new Failure("file-invalid", `Cannot read ${path}: it is empty, expected a header.`);
    }
    const columnNames = namesOf(window, record, path);
    const places = selected(selectSources, columnNames, delimiterHint(columnNames, delimiter, format))
      .map(({ name }) => placeOf(name, columnNames, path));
    const reading = {
      places,
      fieldCount: columnNames.length,
      delimiter,
      decimalComma: format.decimalComma ?? false,
      nulls: (format.nulls ?? []).map((marker) => encoder.encode(marker)),
    };
    return {
      columnNames,
      rowCount: undefined,
      bytesRead: text.bytesRead,
      read(run, rowsMax) {
        let count = 0;
        while (count < rowsMax && readRecord(window, record, layout)) {
          appendRecord(run, window.bytes, record, reading);
          count++;
        }
        return count;
      },
      close: text.close,
    };
  } catch (error) {
    text.close();
    throw error;
  }
}

/** @throws {Failure} as `selectSources`, with the hint: what seems to lack may be hidden in the one column that it has. */
function selected(
  selectSources: (fileColumns: readonly string[]) => readonly ColumnSource[],
  columnNames: readonly string[],
  hint: string,
): readonly ColumnSource[] {
  try {
    return selectSources(columnNames);
  } catch (error) {
    if (!(error instanceof Failure) || hint === "") throw error;
    throw new Failure(
      error.kind,
      `${error.message}${/[.!?]$/.test(error.message) ? "" : "."} ${hint}`,
      error.errors,
    );
  }
}

function namesOf({ bytes }: TextWindow, record: CsvRecord, path: string): string[] {
  if (!isUtf8(bytes, record.from, record.to)) {
    throw new Failure("file-invalid", `Cannot read ${path}: its header is ${notUtf8}. ${encodingHint}.`);
  }
  if (record.isMalformed) {
    throw new Failure(
      "file-invalid",
      `Cannot read ${path}: in its header, a field goes on behind its closing quote.`,
    );
  }
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

/** @throws {Failure} `file-invalid` where the name is that of several columns: none. */
function placeOf(name: string, columnNames: readonly string[], path: string): number {
  const place = columnNames.indexOf(name);
  if (name !== "" || columnNames.indexOf(name, place + 1) < 0) return place;
  throw new Failure("file-invalid", `Cannot read ${path}: it has two columns without a name. Name one.`);
}

interface Reading {
  /** For each column of the run, its place in a record. */
  readonly places: readonly number[];
  readonly fieldCount: number;
  readonly delimiter: number;
  readonly decimalComma: boolean;
  /** Texts that stand for no value. */
  readonly nulls: readonly Uint8Array[];
}

function appendRecord(run: Run, bytes: Uint8Array, record: CsvRecord, reading: Reading): void {
  const { places, fieldCount } = reading;
  if (record.isMalformed) {
    const line = decoder.decode(bytes.subarray(record.from, record.to));
    return appendFaultyRow(run, "a field goes on behind its closing quote", line);
  }
  if (record.fieldCount !== fieldCount) {
    const detail = `${record.fieldCount} fields, expected ${fieldCount}`;
    return appendFaultyRow(run, detail, lineOf(bytes, record, reading));
  }
  for (let i = 0; i < places.length; i++) {
    const [start, end] = [record.starts[places[i]], record.ends[places[i]]];
    const buffer = run.buffers[i];
    if (start === end || isMarker(bytes, start, end, reading.nulls)) appendNull(buffer);
    else if (buffer.type === "TEXT") appendTextField(buffer, bytes, start, end);
    else appendNumberField(buffer, run.columns[i], bytes.subarray(start, end), reading);
  }
}

/** The record as it was written: its doubled quotes have been made single. */
function lineOf(bytes: Uint8Array, record: CsvRecord, { delimiter }: Reading): string {
  return Array.from({ length: record.fieldCount }, (_, i) => {
    const text = decoder.decode(bytes.subarray(record.starts[i], record.ends[i]));
    return record.isQuoted[i] ? `"${text.replaceAll('"', '""')}"` : text;
  }).join(String.fromCharCode(delimiter));
}

function isMarker(bytes: Uint8Array, start: number, end: number, nulls: readonly Uint8Array[]): boolean {
  for (const marker of nulls) {
    if (marker.length !== end - start) continue;
    let i = 0;
    while (i < marker.length && bytes[start + i] === marker[i]) i++;
    if (i === marker.length) return true;
  }
  return false;
}

function appendTextField(buffer: TextBuffer, bytes: Uint8Array, start: number, end: number): void {
  appendText(buffer, bytes, start, end);
  const row = buffer.length - 1;
  if (buffer.faults.size > 0 && buffer.faults.get(row) === notUtf8) {
    const found = String(buffer.found.get(row)).slice(0, 40);
    buffer.faults.set(row, `${JSON.stringify(found)} is ${notUtf8}. ${encodingHint}`);
  }
}

function appendNumberField(
  buffer: Exclude<ColumnBuffer, TextBuffer>,
  column: TableColumn,
  field: Uint8Array,
  { decimalComma, nulls }: Reading,
): void {
  const whole = column.isTime ? undefined : wholeOf(field);
  if (whole !== undefined) {
    return buffer.type === "INTEGER" ? appendInteger(buffer, whole) : appendReal(buffer, whole);
  }
  const text = decoder.decode(field).trim();
  if (field.length > numberBytesMax) {
    const size = field.length.toLocaleString("en");
    return appendFault(buffer, `${size} bytes are no number, expected at most ${numberBytesMax}`, text);
  }
  if (nulls.length > 0 && isMarker(encoder.encode(text), 0, encoder.encode(text).length, nulls)) {
    return appendNull(buffer);
  }
  appendNumberText(buffer, column, text, { decimalComma });
}

const [minus, zero, nine] = [0x2d, 0x30, 0x39];

/** The integer that nearly every number is, up to 15 digits; undefined for what is to be looked at as a text. */
function wholeOf(field: Uint8Array): number | undefined {
  const from = field[0] === minus ? 1 : 0;
  if (field.length === from || field.length > from + 15) return undefined;
  let value = 0;
  for (let i = from; i < field.length; i++) {
    const byte = field[i];
    if (byte < zero || byte > nine) return undefined;
    value = 10 * value + (byte - zero);
  }
  return from === 1 ? -value : value;
}
