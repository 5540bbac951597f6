import { appendNull } from "../columns/column_buffer.ts";
import { isUtf8, notUtf8 } from "../columns/utf8.ts";
import type { ColumnSource } from "../columns/column_source.ts";
import { chooseDelimiter, delimiterHint } from "./csv_delimiter.ts";
import { appendNumberField, appendTextField, isMarker } from "./csv_field.ts";
import { type CsvRecord, emptyRecord, readRecord } from "./csv_record.ts";
import { Failure, fileInvalid } from "../../failure.ts";
import { printable } from "../columns/printable.ts";
import { appendFaultyRow, type RowReader, type RowRun } from "../columns/row_run.ts";
import { parseReal } from "./number_text.ts";
import { encodingHint, type TextFormat } from "./text_format.ts";
import { openText } from "./text_input.ts";
import type { TextWindow } from "./text_window.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Opens a CSV file with a header. An empty field, quoted or not, is NULL; so are the null texts of the format, and NaN in a
 * column of numbers.
 *
 * @param selectSources Selects the columns to load.
 * @param open Opens the text; other than the whole file to look at parts of it.
 * @throws {Failure} `file-missing`, or `file-invalid` for a wrong encoding, a header with two columns of the same name, or no
 *   header.
 */
export function openCsv(
  path: string,
  selectSources: (fileColumns: readonly string[]) => readonly ColumnSource[],
  format: TextFormat = {},
  open: typeof openText = openText,
): RowReader {
  const text = open(path, format);
  try {
    const { window } = text;
    const delimiter = chooseDelimiter(window, format.delimiter);
    const layout = { delimiter, name: path };
    const record = emptyRecord();
    if (!readRecord(window, record, layout)) {
      throw fileInvalid(`Cannot read ${path}: it is empty, expected a header.`);
    }
    const columnNames = namesOf(window, record, path);
    const places = selected(selectSources, columnNames, delimiterHint(columnNames, delimiter, format))
      .map(({ name }) => fieldIndexOf(name, columnNames, path));
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

/** @throws {Failure} as `selectSources`, with a hint: a column that seems to be missing may be part of the only one. */
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
  const fields = Array.from({ length: record.fieldCount }, (_, i) => i);
  // Not the record as a whole: where quotes were removed from a field, bytes of it are left behind its end.
  if (!fields.every((i) => isUtf8(bytes, record.starts[i], record.ends[i]))) {
    throw fileInvalid(`Cannot read ${path}: its header is ${notUtf8}. ${encodingHint}.`);
  }
  if (record.isMalformed) {
    throw fileInvalid(`Cannot read ${path}: in its header, text follows the closing quote of a field.`);
  }
  const names = fields.map((i) => decoder.decode(bytes.subarray(record.starts[i], record.ends[i])).trim());
  const repeated = names.find((name, i) => name !== "" && names.indexOf(name) !== i);
  if (repeated) {
    // The first row of a file without a header has numbers.
    const remedy = parseReal(repeated) === undefined
      ? "Rename one"
      : "If its first line is a row, put a line with the names of the columns before it";
    throw fileInvalid(`Cannot read ${path}: it has two columns named ${printable(repeated)}. ${remedy}.`);
  }
  return names;
}

/** @throws {Failure} `file-invalid` if several columns have no name. */
function fieldIndexOf(name: string, columnNames: readonly string[], path: string): number {
  const place = columnNames.indexOf(name);
  if (name !== "" || columnNames.indexOf(name, place + 1) < 0) return place;
  throw fileInvalid(`Cannot read ${path}: it has two columns without a name. Name one.`);
}

interface Reading {
  /** The field of each column of the run. */
  readonly places: readonly number[];
  readonly fieldCount: number;
  readonly delimiter: number;
  readonly decimalComma: boolean;
  /** Texts that mean no value. */
  readonly nulls: readonly Uint8Array[];
}

function appendRecord(run: RowRun, bytes: Uint8Array, record: CsvRecord, reading: Reading): void {
  const { places, fieldCount } = reading;
  if (record.isMalformed) {
    const line = decoder.decode(bytes.subarray(record.from, record.to));
    return appendFaultyRow(run, "text follows the closing quote of a field", line);
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

/** Restores the text of a record, whose doubled quotes have been replaced by single ones. */
function lineOf(bytes: Uint8Array, record: CsvRecord, { delimiter }: Reading): string {
  return Array.from({ length: record.fieldCount }, (_, i) => {
    const text = decoder.decode(bytes.subarray(record.starts[i], record.ends[i]));
    return record.isQuoted[i] ? `"${text.replaceAll('"', '""')}"` : text;
  }).join(String.fromCharCode(delimiter));
}
