import type { ColumnSource } from "../columns/column_source.ts";
import { fileInvalid } from "../../failure.ts";
import { appendJsonValue } from "./json_value.ts";
import { type JsonRow, parseRow, shownLine } from "./json_line.ts";
import { appendFaultyRow, type RowReader, type RowRun } from "../columns/row_run.ts";
import type { TextFormat } from "./text_format.ts";
import { openText } from "./text_input.ts";
import type { TextWindow } from "./text_window.ts";

const lineFeed = 0x0a;

/**
 * Opens a file of newline-delimited JSON, an object per line. A missing field is NULL.
 *
 * The columns are the fields of the objects in the first megabyte.
 *
 * @param selectSources Selects the columns to load.
 * @param open Opens the text; other than the whole file to look at parts of it.
 * @throws {Failure} `file-missing`; `file-invalid` for a wrong encoding, or a file whose first lines are not JSON; from `read`, for a
 *   field that first occurs too late.
 */
export function openNdjson(
  path: string,
  selectSources: (fileColumns: readonly string[]) => readonly ColumnSource[],
  format: TextFormat = {},
  open: typeof openText = openText,
): RowReader {
  const text = open(path, format);
  try {
    const { window } = text;
    const columnNames = firstColumns(window, path);
    const sources = selectSources(columnNames);
    const names = sources.map(({ name }) => name);
    const known = new Set(columnNames);
    let rowCount = 0;
    return {
      columnNames,
      rowCount: undefined,
      bytesRead: text.bytesRead,
      read(run, rowsMax) {
        let count = 0;
        for (let line = nextLine(window); line !== undefined; line = nextLine(window)) {
          if (isBlank(line)) continue;
          rowCount++;
          const row = parseRow(line);
          if (typeof row === "string") appendFaultyRow(run, row, shownLine(line));
          else {
            rejectLateColumns(row, known, { path, rowCount });
            appendRow(run, { names, format }, row);
          }
          if (++count === rowsMax) break;
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

/**
 * Returns the fields of the objects in the window, which is extended until it holds a line.
 *
 * @param path The name of the file in messages.
 * @throws {Failure} `file-invalid` if none of its lines is an object.
 */
export function firstColumns(window: TextWindow, path: string): string[] {
  while (!window.isLast && lineEnd(window, window.start) === undefined) window.extend();
  const names = new Set<string>();
  let from = window.start;
  let lineCount = 0;
  let wrong: { line: number; detail: string; text: string } | undefined;
  for (let end = lineEnd(window, from); end !== undefined; end = lineEnd(window, from)) {
    const line = window.bytes.subarray(from, end);
    const row = isBlank(line) ? {} : parseRow(line);
    lineCount++;
    if (typeof row === "string") {
      wrong ??= { line: lineCount, detail: row, text: shownLine(line).slice(0, 60) };
    } else for (const name of Object.keys(row)) names.add(name);
    from = end + 1;
  }
  if (names.size > 0 || !wrong) return [...names];
  const detail = wrong.detail.replace(/^the line /, "");
  throw fileInvalid(
    `Cannot read ${path}: line ${wrong.line} ${detail}; it begins ${
      JSON.stringify(wrong.text)
    }. Expected a JSON object on each line.`,
  );
}

/** @returns undefined if the window ends within the line. */
function lineEnd({ bytes, end, isLast }: TextWindow, from: number): number | undefined {
  const found = bytes.subarray(0, end).indexOf(lineFeed, from);
  if (found >= 0) return found;
  return isLast && from < end ? end : undefined;
}

/** @returns The next line without its ending; undefined at the end of the file. */
export function nextLine(window: TextWindow): Uint8Array | undefined {
  for (;;) {
    const end = lineEnd(window, window.start);
    if (end !== undefined) {
      const line = window.bytes.subarray(window.start, end);
      window.moveTo(Math.min(end + 1, window.end));
      return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
    }
    if (window.isLast) return undefined;
    window.extend();
  }
}

/** Rejects a field that is not among the columns, which would be lost silently. */
function rejectLateColumns(
  row: JsonRow,
  known: ReadonlySet<string>,
  { path, rowCount }: { path: string; rowCount: number },
): void {
  for (const name of Object.keys(row)) {
    if (known.has(name)) continue;
    throw fileInvalid(
      `Cannot load ${path}: row ${rowCount.toLocaleString("en")} has a field ${
        JSON.stringify(name.slice(0, 80))
      } that no row of the first megabyte has. ` +
        "Add it, as null, to the first row.",
    );
  }
}

interface Reading {
  readonly names: readonly string[];
  readonly format: TextFormat;
}

function appendRow(run: RowRun, { names, format }: Reading, row: JsonRow): void {
  for (let i = 0; i < names.length; i++) {
    const value = Object.hasOwn(row, names[i]) ? row[names[i]] : null;
    appendJsonValue(run.buffers[i], run.columns[i], isNull(value, format) ? null : value, format);
  }
}

/** Returns whether a value means none. */
export function isNull(value: unknown, { nulls }: TextFormat): boolean {
  return value === null || (nulls !== undefined && typeof value === "string" && nulls.includes(value));
}

/** Returns whether a line is blank, and thus no row. */
export function isBlank(line: Uint8Array): boolean {
  for (const byte of line) if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  return true;
}
