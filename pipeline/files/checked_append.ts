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
import type { TableColumn } from "../store/table.ts";
import { parseInteger, parseReal } from "./number_text.ts";
import { parseTime } from "./value_text.ts";

const int64Max = 2n ** 63n - 1n;

/** @param value NaN stands for no value. */
export function appendFinite(buffer: RealBuffer, value: number): void {
  if (Number.isFinite(value)) appendReal(buffer, value);
  else if (Number.isNaN(value)) appendNull(buffer);
  else appendFault(buffer, `${value} is not finite`);
}

/** @param value NaN stands for no value. */
export function appendWhole(buffer: IntegerBuffer, value: number): void {
  if (Number.isSafeInteger(value)) appendInteger(buffer, value);
  else if (Number.isNaN(value)) appendNull(buffer);
  else appendFault(buffer, `${value} is not an integer that a double holds exactly`);
}

/** @param value Any integer. */
export function appendExact(buffer: IntegerBuffer, value: number | bigint): void {
  if (typeof value === "number") return appendWhole(buffer, value);
  if (value > int64Max || value < -int64Max - 1n) {
    return appendFault(buffer, `${value} needs more than 64 bits`);
  }
  appendWords(buffer, Number(BigInt.asIntN(32, value)), Number(value >> 32n));
}

const encoder = new TextEncoder();

export function appendString(buffer: TextBuffer, text: string): void {
  const bytes = encoder.encode(text);
  appendText(buffer, bytes, 0, bytes.length);
}

/** @param text Empty for no value. */
export function appendNumberText(
  buffer: IntegerBuffer | RealBuffer,
  { isTime }: TableColumn,
  text: string,
): void {
  if (text === "") return appendNull(buffer);
  const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
  if (buffer.type === "REAL") {
    const value = parseReal(text);
    return value === undefined
      ? appendFault(buffer, `${shown} is not a finite number`)
      : appendFinite(buffer, value);
  }
  const value = isTime ? parseTime(text) : parseInteger(text);
  if (value !== undefined) return appendExact(buffer, value);
  appendFault(
    buffer,
    isTime
      ? `${shown} is not a time, expected ISO 8601 or microseconds since 1970`
      : `${shown} is not a 64-bit integer`,
  );
}
