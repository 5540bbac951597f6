import {
  appendFault,
  appendInteger,
  appendNull,
  appendReal,
  appendText,
  appendWords,
  type IntegerBuffer,
  type RealBuffer,
  type TextBuffer,
} from "./column_buffer.ts";
import type { TableColumn } from "../../store/table.ts";
import { parseInteger, parseReal } from "../text/number_text.ts";
import type { TextFormat } from "../text/text_format.ts";
import { implausibleTime } from "./plausible_time.ts";
import { parseTime, timeOfInteger } from "./field_value.ts";

const int64Max = 2n ** 63n - 1n;

/** @param value NaN means no value. */
export function appendFinite(buffer: RealBuffer, value: number): void {
  if (Number.isFinite(value)) appendReal(buffer, value);
  else if (Number.isNaN(value)) appendNull(buffer);
  else appendFault(buffer, `${value} is not finite`, String(value));
}

/** @param value NaN means no value. */
export function appendWhole(buffer: IntegerBuffer, value: number): void {
  if (Number.isSafeInteger(value)) appendInteger(buffer, value);
  else if (Number.isNaN(value)) appendNull(buffer);
  else appendFault(buffer, `${value} is not an integer that a double holds exactly`, value);
}

/** @param value Any integer. */
export function appendExact(buffer: IntegerBuffer, value: number | bigint): void {
  if (typeof value === "number") return appendWhole(buffer, value);
  if (value > int64Max || value < -int64Max - 1n) {
    return appendFault(buffer, `${value} needs more than 64 bits`, value);
  }
  appendWords(buffer, Number(BigInt.asIntN(32, value)), Number(value >> 32n));
}

const encoder = new TextEncoder();

export function appendString(buffer: TextBuffer, text: string): void {
  const bytes = encoder.encode(text);
  appendText(buffer, bytes, 0, bytes.length);
}

/** @param value Microseconds since 1970, or a date like 20240131. NaN means no value. */
export function appendTime(buffer: IntegerBuffer, value: number | bigint): void {
  const time = timeOfInteger(value);
  if (time !== undefined) return appendExact(buffer, time);
  appendFault(buffer, implausibleTime(value) ?? `${value} is not a time`, value);
}

/** @param text An empty text means no value. */
export function appendNumberText(
  buffer: IntegerBuffer | RealBuffer,
  { isTime }: TableColumn,
  text: string,
  { decimalComma = false }: TextFormat = {},
): void {
  if (text === "") return appendNull(buffer);
  if (isTime && buffer.type === "INTEGER") return appendTimeText(buffer, text);
  const number = decimalComma ? withPoint(text) : text;
  const value = buffer.type === "REAL" ? parseReal(number) : parseInteger(number);
  if (value === undefined) {
    const expected = buffer.type === "REAL" ? "a finite number" : "a 64-bit integer";
    const hint = nullHint(text) ?? (decimalComma ? ", with a decimal comma and no point" : commaHint(text));
    return appendFault(buffer, `${shown(text)} is not ${expected}${hint}`, text);
  }
  if (buffer.type === "INTEGER") appendExact(buffer, value);
  else appendFinite(buffer, Number(value));
}

function appendTimeText(buffer: IntegerBuffer, text: string): void {
  const time = parseTime(text);
  if (time !== undefined) return appendExact(buffer, time);
  const integer = parseInteger(text);
  const detail = integer === undefined ? undefined : implausibleTime(integer);
  appendFault(
    buffer,
    detail ??
      `${shown(text)} is not a time, expected ISO 8601 or microseconds since 1970${nullHint(text) ?? ""}`,
    text,
  );
}

/** @returns No number if there is a point: it could separate thousands or decimals. */
export function withPoint(text: string): string {
  return text.includes(".") ? "" : text.replace(",", ".");
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** Returns a hint for a number with a decimal comma. */
function commaHint(text: string): string {
  return /^[+-]?\d*,\d+(?:[eE][+-]?\d+)?$/.test(text)
    ? ". If its comma is a decimal comma, use --decimal-comma"
    : "";
}

/** Returns a hint for a text that may mean no value. */
function nullHint(text: string): string | undefined {
  return /^(?:#?n\/?a|null|none|nil|missing|\\n|[-.?])$/i.test(text)
    ? `. If it means no value, use --null ${shown(text)}`
    : undefined;
}
