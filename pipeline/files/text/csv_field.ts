import { appendNumberText } from "../columns/checked_append.ts";
import {
  appendFault,
  appendInteger,
  appendNull,
  appendReal,
  appendText,
  type ColumnBuffer,
  type TextBuffer,
} from "../columns/column_buffer.ts";
import { notUtf8 } from "../columns/utf8.ts";
import type { TableColumn } from "../../store/table.ts";
import { encodingHint } from "./text_format.ts";

/** Maximum length of a number or time. */
const numberBytesMax = 400;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Returns whether a field means no value. @param nulls The texts that do. */
export function isMarker(
  bytes: Uint8Array,
  start: number,
  end: number,
  nulls: readonly Uint8Array[],
): boolean {
  for (const marker of nulls) {
    if (marker.length !== end - start) continue;
    let i = 0;
    while (i < marker.length && bytes[start + i] === marker[i]) i++;
    if (i === marker.length) return true;
  }
  return false;
}

export function appendTextField(buffer: TextBuffer, bytes: Uint8Array, start: number, end: number): void {
  appendText(buffer, bytes, start, end);
  const row = buffer.length - 1;
  if (buffer.faults.size > 0 && buffer.faults.get(row) === notUtf8) {
    const found = String(buffer.found.get(row)).slice(0, 40);
    buffer.faults.set(row, `${JSON.stringify(found)} is ${notUtf8}. ${encodingHint}`);
  }
}

/** Appends a non-empty field to a column of numbers or times. */
export function appendNumberField(
  buffer: Exclude<ColumnBuffer, TextBuffer>,
  column: TableColumn,
  field: Uint8Array,
  { decimalComma, nulls }: { readonly decimalComma: boolean; readonly nulls: readonly Uint8Array[] },
): void {
  const whole = column.isTime ? undefined : wholeOf(field);
  if (whole !== undefined) {
    return buffer.type === "INTEGER" ? appendInteger(buffer, whole) : appendReal(buffer, whole);
  }
  const text = decoder.decode(field).trim();
  if (field.length > numberBytesMax) {
    const size = field.length.toLocaleString("en");
    return appendFault(buffer, `${size} bytes are not a number, expected at most ${numberBytesMax}`, text);
  }
  if (nulls.length > 0 && isMarker(encoder.encode(text), 0, encoder.encode(text).length, nulls)) {
    return appendNull(buffer);
  }
  appendNumberText(buffer, column, text, { decimalComma });
}

const [minus, zero, nine] = [0x2d, 0x30, 0x39];

/** Parses an integer of up to 15 digits, the most frequent kind; undefined for anything else. */
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
