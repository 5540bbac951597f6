import type { ColumnType } from "../../store/table.ts";
import { isUtf8, notUtf8 } from "./utf8.ts";

/**
 * The values of one column of a row run, in typed arrays, without an object per value. A row without a value has 1 in `nulls`;
 * `faults` has the reason of each value that cannot be loaded, by row.
 */
export type ColumnBuffer = IntegerBuffer | RealBuffer | TextBuffer;

interface Rows {
  length: number;
  nulls: Uint8Array<ArrayBuffer>;
  nullCount: number;
  readonly faults: Map<number, string>;
  /** The text in the file of values that cannot be loaded, by row, if known. */
  readonly found: Map<number, FoundValue>;
  /** Total length of the texts in `found`. */
  foundLength: number;
  /** The rows, if they are entries of a dictionary: then `nulls` and the values are not set. Only of columns that are read so. */
  coded: CodedRows | undefined;
  /** Memory for codes. */
  codeMemory: Int32Array<ArrayBuffer>;
}

export type FoundValue = string | number | bigint;

/** Rows of a buffer as entries of a dictionary, while their values are not in the buffer. */
export interface CodedRows {
  /** Index of each row's entry; the number of entries for NULL. Shape (at least the buffer's rows). */
  readonly codes: Int32Array<ArrayBuffer>;
  /** The entries, of which none is NULL or faulty. */
  readonly dictionary: ColumnBuffer;
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

/** UTF-8. The value of row `i` is `bytes[spans[2 * i]..spans[2 * i + 1])`: rows with equal text may share bytes. */
export interface TextBuffer extends Rows {
  readonly type: "TEXT";
  bytes: Uint8Array<ArrayBuffer>;
  byteCount: number;
  /** Bytes of all values; more than `byteCount` if rows share bytes. */
  textLength: number;
  spans: Int32Array<ArrayBuffer>;
  /** Length of the longest value, in bytes. */
  longest: number;
  /** Number of times the buffer was cleared. */
  fills: number;
  isAscii: boolean;
}

/** Maximum length of a text. A longer one is a document rather than a value; the limit keeps memory bounded. */
export const textBytesMax = 16_384;

/** Decodes bytes that are not UTF-8 for messages. */
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
    coded: undefined,
    codeMemory: new Int32Array(),
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

/** Removes the rows and keeps the memory. */
export function clearBuffer(buffer: ColumnBuffer): void {
  buffer.length = 0;
  buffer.nullCount = 0;
  buffer.faults.clear();
  buffer.found.clear();
  buffer.foundLength = 0;
  buffer.coded = undefined;
  if (buffer.type !== "TEXT") return;
  buffer.byteCount = 0;
  buffer.textLength = 0;
  buffer.longest = 0;
  buffer.fills++;
  buffer.isAscii = true;
}

/** Reserves memory for `rows` rows with texts of the average length so far. Growing step by step would fragment memory. */
export function reserveRows(buffer: ColumnBuffer, rows: number): void {
  if (rows > buffer.nulls.length) growRows(buffer, rows);
  if (buffer.type !== "TEXT" || buffer.length === 0) return;
  const wanted = Math.min(textReserveMax, Math.ceil((buffer.byteCount / buffer.length) * rows));
  if (wanted > buffer.bytes.length) buffer.bytes = grown(buffer.bytes, wanted, bytesOf);
}

/** Maximum number of bytes to reserve for texts. */
const textReserveMax = 64 * 2 ** 20;

/** Returns the memory of the rows, in bytes. */
export function bufferBytes(buffer: ColumnBuffer): number {
  return 9 * buffer.length + buffer.foundLength + (buffer.type === "TEXT" ? buffer.byteCount : 0);
}

export function appendNull(buffer: ColumnBuffer): void {
  const row = addRow(buffer);
  buffer.nulls[row] = 1;
  buffer.nullCount++;
}

/**
 * @param detail The reason, as in `"abc" is not a number`.
 * @param found The text in the file; kept up to a limit.
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

/** Shortens a text for messages. */
export function shortened(text: string): string {
  return text.length > foundLengthMax ? `${text.slice(0, foundLengthMax)}…` : text;
}

/** @param low,high The words of a 64-bit integer; those of `words[2 * i]` and `words[2 * i + 1]`. */
export function appendWords(buffer: IntegerBuffer, low: number, high: number): void {
  const row = addRow(buffer);
  buffer.words[2 * row] = low;
  buffer.words[2 * row + 1] = high;
}

/** Appends integers without a call each. @param words Shape (2 · rows), as those of the buffer. */
export function appendAllWords(buffer: IntegerBuffer, words: Int32Array): void {
  const first = buffer.length;
  const end = first + words.length / 2;
  if (end > buffer.nulls.length) growRows(buffer, end);
  buffer.words.set(words, 2 * first);
  buffer.nulls.fill(0, first, end);
  buffer.length = end;
}

/** @param value A safe integer. */
export function appendInteger(buffer: IntegerBuffer, value: number): void {
  appendWords(buffer, value | 0, Math.floor(value / 2 ** 32));
}

export function appendReal(buffer: RealBuffer, value: number): void {
  const row = addRow(buffer);
  buffer.values[row] = value;
}

/** Appends the text `source[start..end)`, or a fault if SQLite would not keep it unchanged. */
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
  // SQLite's functions and its clients end a text at the first NUL: two keys could look equal.
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

/** Appends a text that is stored in the buffer already, at `bytes[start..end)`. */
export function appendSpan(buffer: TextBuffer, start: number, end: number): void {
  const row = addRow(buffer);
  buffer.spans[2 * row] = start;
  buffer.spans[2 * row + 1] = end;
  buffer.textLength += end - start;
  if (end - start > buffer.longest) buffer.longest = end - start;
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

/** Grows the memory of the rows to at least `rows`. */
export function growRows(buffer: ColumnBuffer, rows: number): void {
  buffer.nulls = grown(buffer.nulls, rows, bytesOf);
  const capacity = buffer.nulls.length;
  if (buffer.type === "INTEGER") buffer.words = grown(buffer.words, 2 * capacity, intsOf);
  else if (buffer.type === "REAL") buffer.values = grown(buffer.values, capacity, realsOf);
  else buffer.spans = grown(buffer.spans, 2 * capacity, intsOf);
}

type OwnedArray = Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** Returns a copy with at least `length` entries and at least twice the current size. The original is freed. */
function grown<A extends OwnedArray>(array: A, length: number, make: (length: number) => A): A {
  const larger = make(Math.max(length, 2 * array.length));
  larger.set(array);
  release(array);
  return larger;
}

/** Moves the values of the rows to a new buffer, without the reasons of faulty ones, and leaves this one empty: readers keep it. */
export function takeRows(buffer: ColumnBuffer): ColumnBuffer {
  const taken = { ...buffer, faults: new Map(), found: new Map() };
  const fills = buffer.type === "TEXT" ? { fills: buffer.fills + 1 } : {};
  Object.assign(buffer, createBuffer(buffer.type), fills);
  return taken;
}

/** Returns the memory of a buffer, which can be passed to another thread. */
export function memoryOf(buffer: ColumnBuffer): ArrayBuffer[] {
  const { nulls, codeMemory } = buffer;
  const values = buffer.type === "INTEGER"
    ? [buffer.words]
    : buffer.type === "REAL"
    ? [buffer.values]
    : [buffer.bytes, buffer.spans];
  return [nulls, codeMemory, ...values].map(({ buffer }) => buffer);
}

/** Frees memory at once: the garbage collector would be late, since V8 does not count this memory. */
export function release(array: { readonly buffer: ArrayBuffer }): void {
  array.buffer.transfer(0);
}

/** Frees the memory of a buffer, which must not be used afterwards. */
export function releaseBuffer(buffer: ColumnBuffer): void {
  for (const memory of memoryOf(buffer)) memory.transfer(0);
}
