import type { ColumnType } from "../../store/table.ts";

/**
 * Values of one column of a run of rows, in typed arrays: a million rows take what their values take, and no object each.
 * A row without a value has 1 in `nulls`; one whose value cannot be loaded has its reason in `faults`, by row.
 */
export type ColumnBuffer = IntegerBuffer | RealBuffer | TextBuffer;

interface Rows {
  length: number;
  nulls: Uint8Array<ArrayBuffer>;
  nullCount: number;
  readonly faults: Map<number, string>;
  /** What stood in the file in place of a value that cannot be loaded, by row, if it is known. */
  readonly found: Map<number, FoundValue>;
  /** Characters of the texts in `found`. */
  foundLength: number;
}

export type FoundValue = string | number | bigint;

/** 64-bit integers as pairs of 32-bit words, the low one first: exact, and without a BigInt each. */
export interface IntegerBuffer extends Rows {
  readonly type: "INTEGER";
  words: Int32Array<ArrayBuffer>;
}

export interface RealBuffer extends Rows {
  readonly type: "REAL";
  values: Float64Array<ArrayBuffer>;
}

/** UTF-8. The value of row `i` is `bytes[spans[2 * i]..spans[2 * i + 1])`: rows of equal text may share its bytes. */
export interface TextBuffer extends Rows {
  readonly type: "TEXT";
  bytes: Uint8Array<ArrayBuffer>;
  byteCount: number;
  /** Bytes of all values; more than `byteCount` where rows share them. */
  textLength: number;
  spans: Int32Array<ArrayBuffer>;
  /** Bytes of the longest value. */
  longest: number;
  /** How often the buffer has been cleared. */
  fills: number;
  isAscii: boolean;
}

/** A longer text is no value of a table but a document: it is refused, and memory stays bounded. */
export const textBytesMax = 16_384;

/** The fault of a text that is no UTF-8. */
export const notUtf8 = "text that is not valid UTF-8";

/** Of bytes that are no UTF-8, what can be shown. */
const lossyDecoder = new TextDecoder();

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
    found: new Map<number, FoundValue>(),
    foundLength: 0,
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
        byteCount: 0,
        textLength: 0,
        spans: new Int32Array(2 * rowsAtFirst),
        longest: 0,
        fills: 0,
        isAscii: true,
      };
  }
}

/** Forgets the rows and keeps the memory. */
export function clearBuffer(buffer: ColumnBuffer): void {
  buffer.length = 0;
  buffer.nullCount = 0;
  buffer.faults.clear();
  buffer.found.clear();
  buffer.foundLength = 0;
  if (buffer.type !== "TEXT") return;
  buffer.byteCount = 0;
  buffer.textLength = 0;
  buffer.longest = 0;
  buffer.fills++;
  buffer.isAscii = true;
}

/**
 * Makes room for so many rows, with texts as long as those that are there, at once: a buffer that grows by and by leaves its
 * former memory behind in pieces, which nobody fits into.
 */
export function reserveRows(buffer: ColumnBuffer, rows: number): void {
  if (rows > buffer.nulls.length) growRows(buffer, rows);
  if (buffer.type !== "TEXT" || buffer.length === 0) return;
  const wanted = Math.min(textReserveMax, Math.ceil((buffer.byteCount / buffer.length) * rows));
  if (wanted > buffer.bytes.length) buffer.bytes = grown(buffer.bytes, wanted, bytesOf);
}

/** Bytes of texts that are reserved at the most. */
const textReserveMax = 64 * 2 ** 20;

/** Bytes that the rows take. */
export function bufferBytes(buffer: ColumnBuffer): number {
  return 9 * buffer.length + buffer.foundLength + (buffer.type === "TEXT" ? buffer.byteCount : 0);
}

export function appendNull(buffer: ColumnBuffer): void {
  const row = addRow(buffer);
  buffer.nulls[row] = 1;
  buffer.nullCount++;
}

/**
 * @param detail What is wrong with the value, as in `"abc" is not a number`.
 * @param found The value as it stands in the file; texts are kept up to a limit.
 */
export function appendFault(buffer: ColumnBuffer, detail: string, found?: FoundValue): void {
  const row = addRow(buffer);
  buffer.nulls[row] = 1;
  buffer.faults.set(row, detail);
  if (found === undefined) return;
  const kept = typeof found === "string" ? shortened(found) : found;
  buffer.found.set(row, kept);
  buffer.foundLength += typeof kept === "string" ? kept.length : 8;
}

const foundLengthMax = 4_096;

/** A text that is shown to people: of a longer one its beginning. */
export function shortened(text: string): string {
  return text.length > foundLengthMax ? `${text.slice(0, foundLengthMax)}…` : text;
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
      lossyDecoder.decode(source.subarray(start, start + textBytesMax)),
    );
  }
  const from = buffer.byteCount;
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
  if (hasZero) {
    return appendFault(buffer, "text with a NUL character", lossyDecoder.decode(source.subarray(start, end)));
  }
  if (bits >= 0x80) {
    if (!isUtf8(source, start, end)) {
      return appendFault(buffer, notUtf8, lossyDecoder.decode(source.subarray(start, end)));
    }
    buffer.isAscii = false;
  }
  buffer.byteCount = from + length;
  appendSpan(buffer, from, from + length);
}

/** Appends the text that lies at `bytes[start..end)` of the buffer already. */
function appendSpan(buffer: TextBuffer, start: number, end: number): void {
  const row = addRow(buffer);
  buffer.spans[2 * row] = start;
  buffer.spans[2 * row + 1] = end;
  buffer.textLength += end - start;
  if (end - start > buffer.longest) buffer.longest = end - start;
}

/** Appends rows of another buffer of the same type, by their place in it; each text is copied once. */
export function copierOf(buffer: ColumnBuffer, source: ColumnBuffer): (index: number) => void {
  const append = appenderOf(buffer, source);
  return (index) => {
    if (source.nulls[index] === 0) return append(index);
    const fault = source.faults.get(index);
    if (fault === undefined) appendNull(buffer);
    else appendFault(buffer, fault, source.found.get(index));
  };
}

function appenderOf(buffer: ColumnBuffer, source: ColumnBuffer): (index: number) => void {
  if (buffer.type === "INTEGER" && source.type === "INTEGER") {
    return (index) => appendWords(buffer, source.words[2 * index], source.words[2 * index + 1]);
  }
  if (buffer.type === "REAL" && source.type === "REAL") {
    return (index) => appendReal(buffer, source.values[index]);
  }
  if (buffer.type !== "TEXT" || source.type !== "TEXT") {
    throw new Error(`a ${source.type} is copied to a ${buffer.type}`);
  }
  // Where each text lies in the buffer; −1 where it has not been copied since the buffer was cleared.
  const places = new Int32Array(source.length).fill(-1);
  let { fills } = buffer;
  return (index) => {
    if (fills !== buffer.fills) {
      places.fill(-1);
      fills = buffer.fills;
    }
    const start = source.spans[2 * index];
    const end = source.spans[2 * index + 1];
    const place = places[index];
    if (place >= 0) return appendSpan(buffer, place, place + end - start);
    places[index] = buffer.byteCount;
    appendText(buffer, source.bytes, start, end);
  };
}
function addRow(buffer: ColumnBuffer): number {
  const row = buffer.length;
  if (row === buffer.nulls.length) growRows(buffer, row + 1);
  buffer.nulls[row] = 0;
  if (buffer.type === "TEXT") {
    buffer.spans[2 * row] = 0;
    buffer.spans[2 * row + 1] = 0;
  }
  buffer.length = row + 1;
  return row;
}

function growRows(buffer: ColumnBuffer, rows: number): void {
  buffer.nulls = grown(buffer.nulls, rows, bytesOf);
  const capacity = buffer.nulls.length;
  if (buffer.type === "INTEGER") buffer.words = grown(buffer.words, 2 * capacity, intsOf);
  else if (buffer.type === "REAL") buffer.values = grown(buffer.values, capacity, realsOf);
  else buffer.spans = grown(buffer.spans, 2 * capacity, intsOf);
}

type OwnedArray = Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** A copy with room for `length` entries, for twice as many as now where that is more; the array itself is given up. */
function grown<A extends OwnedArray>(array: A, length: number, make: (length: number) => A): A {
  const larger = make(Math.max(length, 2 * array.length));
  larger.set(array);
  release(array);
  return larger;
}

/** Gives memory back at once: the collector would not hurry, since it sees little of it. */
export function release(array: { readonly buffer: ArrayBuffer }): void {
  array.buffer.transfer(0);
}

/** Gives the buffer's memory back. It must not be used any more. */
export function releaseBuffer(buffer: ColumnBuffer): void {
  release(buffer.nulls);
  if (buffer.type === "INTEGER") return release(buffer.words);
  if (buffer.type === "REAL") return release(buffer.values);
  release(buffer.bytes);
  release(buffer.spans);
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
