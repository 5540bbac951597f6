import { jsonText } from "../../exact_json.ts";
import {
  appendExact,
  appendFinite,
  appendNumberText,
  appendString,
  appendTime,
  appendWhole,
} from "../columns/checked_append.ts";
import {
  appendFault,
  appendInteger,
  appendNull,
  appendReal,
  type ColumnBuffer,
  type TextBuffer,
} from "../columns/column_buffer.ts";
import type { TableColumn } from "../../store/table.ts";
import type { TextFormat } from "./text_format.ts";

/** Appends a boolean, number or string of JSON to a column that can hold it. */
export function appendJsonValue(
  buffer: ColumnBuffer,
  column: TableColumn,
  value: unknown,
  format: TextFormat,
): void {
  if (value === null) return appendNull(buffer);
  switch (typeof value) {
    case "number":
    case "bigint":
      return appendNumber(buffer, column, value);
    case "string":
      if (buffer.type !== "TEXT") {
        return value === ""
          ? appendFault(buffer, '"" is not a number', value)
          : appendNumberText(buffer, column, value, format);
      }
      return value.isWellFormed()
        ? appendString(buffer, value)
        : appendFault(buffer, "text with an unpaired surrogate", value);
    case "boolean":
      if (column.isTime) return appendFault(buffer, `${value} is a boolean, expected a time`, String(value));
      if (buffer.type === "INTEGER") return appendInteger(buffer, Number(value));
      if (buffer.type === "REAL") return appendReal(buffer, Number(value));
      return appendString(buffer, String(value));
    default:
      return appendNested(buffer, jsonText(value), Array.isArray(value) ? "an array" : "an object");
  }
}

function appendNested(buffer: ColumnBuffer, text: string, kind: string): void {
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  appendFault(buffer, `${short} is ${kind}, expected one value`, text);
}

function appendNumber(buffer: ColumnBuffer, { isTime }: TableColumn, value: number | bigint): void {
  switch (buffer.type) {
    case "REAL":
      return appendFinite(buffer, Number(value));
    case "INTEGER":
      if (typeof value === "number" && !Number.isSafeInteger(value)) return appendWhole(buffer, value);
      return isTime ? appendTime(buffer, value) : appendExact(buffer, value);
    case "TEXT":
      return appendNumberAsText(buffer, value);
  }
}

/** Returns the shortest text that identifies the number, as `levelOf` does in a column of texts. */
function appendNumberAsText(buffer: TextBuffer, value: number | bigint): void {
  if (typeof value === "bigint") return appendString(buffer, String(value));
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) {
    return appendString(buffer, String(value === 0 ? 0 : value));
  }
  appendFault(
    buffer,
    `${value} is a number beyond 2^53, which is ambiguous, expected text`,
    String(value),
  );
}
