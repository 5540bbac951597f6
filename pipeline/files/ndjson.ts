import { openSource } from "./byte_source.ts";
import { appendFinite, appendNumberText, appendString, appendWhole } from "./checked_append.ts";
import { appendFault, appendInteger, appendNull, appendReal, type ColumnBuffer } from "./column_buffer.ts";
import type { ColumnSource } from "./column_source.ts";
import { Failure } from "../failure.ts";
import type { RowReader, Run } from "./run.ts";
import type { TableColumn } from "../store/table.ts";
import { openWindow, type TextWindow } from "./text_window.ts";

const lineFeed = 0x0a;
const columnCountMax = 1_024;
const decoder = new TextDecoder("utf-8", { fatal: true });

type Row = Readonly<Record<string, unknown>>;

/**
 * Opens a file of newline-delimited JSON: an object per line. A field that an object lacks is NULL.
 *
 * The file's columns are those of its first megabyte.
 *
 * @param selectSources Which of the file's columns are loaded.
 * @throws {Failure} `file-missing`, or `file-invalid` for UTF-16; from `read`, for a column that comes up too late.
 */
export function openNdjson(
  path: string,
  selectSources: (fileColumns: readonly string[]) => readonly ColumnSource[],
): RowReader {
  const source = openSource(path);
  try {
    const window = openWindow(source);
    const columnNames = firstColumns(window);
    const sources = selectSources(columnNames);
    const names = sources.map(({ name }) => name);
    const known = new Set(columnNames);
    let rowCount = 0;
    return {
      columnNames,
      rowCount: undefined,
      bytesRead: window.bytesRead,
      read(run, rowsMax) {
        let count = 0;
        for (let line = nextLine(window); line !== undefined; line = nextLine(window)) {
          if (line.length === 0) continue;
          rowCount++;
          const row = parseRow(line);
          if (typeof row !== "string") refuseLateColumns(row, known, { path, rowCount });
          appendRow(run, names, row);
          if (++count === rowsMax) break;
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

/** The fields of the objects in the window; it is widened until it holds a line, and otherwise left as it was. */
export function firstColumns(window: TextWindow): string[] {
  while (!window.isLast && lineEnd(window, window.start) === undefined) window.extend();
  const names = new Set<string>();
  let from = window.start;
  for (let end = lineEnd(window, from); end !== undefined; end = lineEnd(window, from)) {
    const row = parseRow(window.bytes.subarray(from, end));
    if (typeof row !== "string") {
      for (const name of Object.keys(row)) if (names.size < columnCountMax) names.add(name);
    }
    from = end + 1;
  }
  return [...names];
}

/** @returns undefined where the window ends before the line does. */
function lineEnd({ bytes, end, isLast }: TextWindow, from: number): number | undefined {
  const found = bytes.subarray(0, end).indexOf(lineFeed, from);
  if (found >= 0) return found;
  return isLast && from < end ? end : undefined;
}

/** @returns The next line, without its end; undefined at the end of the file. */
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

/** @returns What is wrong, where the line is no object. */
export function parseRow(line: Uint8Array): Row | string {
  let text: string;
  try {
    text = decoder.decode(line);
  } catch {
    return "text that is not valid UTF-8";
  }
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : "the line is no JSON object";
  } catch {
    return "the line is not valid JSON";
  }
}

function isObject(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field that nobody has heard of would be lost in silence. */
function refuseLateColumns(
  row: Row,
  known: ReadonlySet<string>,
  { path, rowCount }: { path: string; rowCount: number },
): void {
  for (const name of Object.keys(row)) {
    if (known.has(name) || known.size >= columnCountMax) continue;
    throw new Failure(
      "file-invalid",
      `Cannot load ${path}: row ${rowCount.toLocaleString("en")} has a field ${
        JSON.stringify(name.slice(0, 80))
      } that no row of the first megabyte has. ` +
        "Add it, as null, to the first row.",
    );
  }
}

function appendRow(run: Run, names: readonly string[], row: Row | string): void {
  if (typeof row === "string") {
    run.rowFaults.set(run.buffers[0].length, row);
    for (const buffer of run.buffers) appendNull(buffer);
    return;
  }
  for (let i = 0; i < names.length; i++) {
    appendValue(run.buffers[i], run.columns[i], Object.hasOwn(row, names[i]) ? row[names[i]] : null);
  }
}

function appendValue(buffer: ColumnBuffer, column: TableColumn, value: unknown): void {
  if (value === null) return appendNull(buffer);
  switch (typeof value) {
    case "number":
      if (buffer.type === "REAL") return appendFinite(buffer, value);
      if (buffer.type === "INTEGER") return appendWhole(buffer, value);
      if (Number.isSafeInteger(value)) return appendString(buffer, String(value));
      return appendFault(buffer, `${value} is a number, expected text`);
    case "string":
      if (buffer.type !== "TEXT") {
        return value === ""
          ? appendFault(buffer, '"" is no number')
          : appendNumberText(buffer, column, value);
      }
      return value.isWellFormed()
        ? appendString(buffer, value)
        : appendFault(buffer, "text with half of a surrogate pair");
    case "boolean":
      if (buffer.type === "INTEGER") return appendInteger(buffer, Number(value));
      if (buffer.type === "REAL") return appendReal(buffer, Number(value));
      return appendFault(buffer, `${value} is a boolean, expected text`);
    default:
      return appendFault(buffer, `${Array.isArray(value) ? "an array" : "an object"}, expected one value`);
  }
}
