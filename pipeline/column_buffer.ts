import type { ColumnType } from "./table.ts";

/**
 * Values of one column of a run of rows, in typed arrays: a million rows take what their values take, and no object each.
 * A row without a value has 1 in `nulls`; one whose value cannot be loaded has its reason in `faults`, by row.
 */
export type ColumnBuffer = IntegerBuffer | RealBuffer | TextBuffer;

interface Rows {
  length: number;
  nulls: Uint8Array;
  nullCount: number;
  readonly faults: Map<number, string>;
}

/** 64-bit integers as pairs of 32-bit words, the low one first: exact, and without a BigInt each. */
export interface IntegerBuffer extends Rows {
  readonly type: "INTEGER";
  words: Int32Array<ArrayBuffer>;
}

export interface RealBuffer extends Rows {
  readonly type: "REAL";
  values: Float64Array<ArrayBuffer>;
}

/** UTF-8, one value after the other. The value of row `i` ends before `ends[i]`. */
export interface TextBuffer extends Rows {
  readonly type: "TEXT";
  bytes: Uint8Array<ArrayBuffer>;
  ends: Int32Array<ArrayBuffer>;
  isAscii: boolean;
}

/** A longer text is no value of a table but a document: it is refused, and memory stays bounded. */
export const textBytesMax = 16_384;

const rowsAtFirst = 1_024;

const bytesOf = (length: number) => new Uint8Array(length);
const intsOf = (length: number) => new Int32Array(length);
const realsOf = (length: number) => new Float64Array(length);

export function createBuffer(type: ColumnType): ColumnBuffer {
  const rows = () => ({
    length: 0,
    nulls: new Uint8Array(rowsAtFirst),
    nullCount: 0,
    faults: new Map<number, string>(),
  });
  switch (type) {
    case "INTEGER":
      return { type, ...rows(), words: new Int32Array(2 * rowsAtFirst) };
    case "REAL":
      return { type, ...rows(), values: new Float64Array(rowsAtFirst) };
    case "TEXT":
      return {
        type,
        ...rows(),
        bytes: new Uint8Array(8 * rowsAtFirst),
        ends: new Int32Array(rowsAtFirst),
        isAscii: true,
      };
  }
}

/** Forgets the rows and keeps the memory. */
export function clearBuffer(buffer: ColumnBuffer): void {
  buffer.length = 0;
  buffer.nullCount = 0;
  buffer.faults.clear();
  if (buffer.type === "TEXT") buffer.isAscii = true;
}

/** Bytes that the rows take. */
export function bufferBytes(buffer: ColumnBuffer): number {
  return buffer.type === "TEXT" ? 5 * buffer.length + textStart(buffer, buffer.length) : 9 * buffer.length;
}

export function appendNull(buffer: ColumnBuffer): void {
  const row = addRow(buffer);
  buffer.nulls[row] = 1;
  buffer.nullCount++;
}

/** @param detail What is wrong with the value, as in `"abc" is not a number`. */
export function appendFault(buffer: ColumnBuffer, detail: string): void {
  const row = addRow(buffer);
  buffer.nulls[row] = 1;
  buffer.faults.set(row, detail);
}

/** @param low,high The words of a 64-bit integer; those of `words[2 * i]` and `words[2 * i + 1]`. */
export function appendWords(buffer: IntegerBuffer, low: number, high: number): void {
  const row = addRow(buffer);
  buffer.words[2 * row] = low;
  buffer.words[2 * row + 1] = high;
}

/** @param value A safe integer. */
export function appendInteger(buffer: IntegerBuffer, value: number): void {
  appendWords(buffer, value | 0, Math.floor(value / 2 ** 32));
}

export function appendReal(buffer: RealBuffer, value: number): void {
  const row = addRow(buffer);
  buffer.values[row] = value;
}

/** Appends the text of `source[start..end)`, or the fault that it is no text that SQLite keeps as it is. */
export function appendText(buffer: TextBuffer, source: Uint8Array, start: number, end: number): void {
  const length = end - start;
  if (length > textBytesMax) {
    return appendFault(
      buffer,
      `text of ${length.toLocaleString("en")} bytes, expected at most ${textBytesMax.toLocaleString("en")}`,
    );
  }
  const from = textStart(buffer, buffer.length);
  if (from + length > buffer.bytes.length) buffer.bytes = grown(buffer.bytes, from + length, bytesOf);
  const { bytes } = buffer;
  let bits = 0;
  let hasZero = false;
  for (let i = 0; i < length; i++) {
    const byte = source[start + i];
    bytes[from + i] = byte;
    bits |= byte;
    if (byte === 0) hasZero = true;
  }
  // SQLite's own functions and its clients end a text at the first NUL: two keys could look like one.
  if (hasZero) return appendFault(buffer, "text with a NUL character");
  if (bits >= 0x80) {
    if (!isUtf8(source, start, end)) return appendFault(buffer, "text that is not valid UTF-8");
    buffer.isAscii = false;
  }
  const row = addRow(buffer);
  buffer.ends[row] = from + length;
}

/** Appends row `index` of `source`, which has the same type. */
export function appendCopy(buffer: ColumnBuffer, source: ColumnBuffer, index: number): void {
  if (source.nulls[index] === 1) {
    const fault = source.faults.get(index);
    return fault === undefined ? appendNull(buffer) : appendFault(buffer, fault);
  }
  if (buffer.type === "INTEGER" && source.type === "INTEGER") {
    appendWords(buffer, source.words[2 * index], source.words[2 * index + 1]);
  } else if (buffer.type === "REAL" && source.type === "REAL") {
    appendReal(buffer, source.values[index]);
  } else if (buffer.type === "TEXT" && source.type === "TEXT") {
    // The source's text has been checked once.
    const from = textStart(source, index);
    const to = textStart(buffer, buffer.length);
    const length = source.ends[index] - from;
    if (to + length > buffer.bytes.length) buffer.bytes = grown(buffer.bytes, to + length, bytesOf);
    for (let i = 0; i < length; i++) buffer.bytes[to + i] = source.bytes[from + i];
    if (!source.isAscii) buffer.isAscii = false;
    const row = addRow(buffer);
    buffer.ends[row] = to + length;
  } else {
    throw new Error(`a ${source.type} was copied to a ${buffer.type}`);
  }
}

/** Where the text of row `index` begins. */
export function textStart(buffer: TextBuffer, index: number): number {
  return index === 0 ? 0 : buffer.ends[index - 1];
}

function addRow(buffer: ColumnBuffer): number {
  const row = buffer.length;
  if (row === buffer.nulls.length) growRows(buffer, row + 1);
  buffer.nulls[row] = 0;
  if (buffer.type === "TEXT") buffer.ends[row] = textStart(buffer, row);
  buffer.length = row + 1;
  return row;
}

function growRows(buffer: ColumnBuffer, rows: number): void {
  buffer.nulls = grown(buffer.nulls, rows, bytesOf);
  const capacity = buffer.nulls.length;
  if (buffer.type === "INTEGER") buffer.words = grown(buffer.words, 2 * capacity, intsOf);
  else if (buffer.type === "REAL") buffer.values = grown(buffer.values, capacity, realsOf);
  else buffer.ends = grown(buffer.ends, capacity, intsOf);
}

/** A copy with room for `length` entries; for twice as many as now where that is more. */
function grown<A extends Uint8Array | Int32Array | Float64Array>(
  array: A,
  length: number,
  make: (length: number) => A,
): A {
  const larger = make(Math.max(length, 2 * array.length));
  larger.set(array);
  return larger;
}

/** Whether the bytes are well-formed UTF-8 (The Unicode Standard, table 3-7). */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end;) {
    const first = bytes[i++];
    if (first < 0x80) continue;
    if (first < 0xc2 || first > 0xf4) return false;
    const following = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (i + following > end) return false;
    const second = bytes[i];
    // No overlong form, no surrogate, nothing above U+10FFFF.
    const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return false;
    for (let k = 1; k < following; k++) if ((bytes[i + k] & 0xc0) !== 0x80) return false;
    i += following;
  }
  return true;
}
