import { type ColumnBuffer, release, type TextBuffer } from "./column_buffer.ts";
import { gatherBytes, gatherReals, gatherWords } from "./gather.ts";

/** A value for SQLite. A bigint only if a number would not be exact. */
export type Cell = string | number | bigint | null;

/** A batch of rows of a file, ready for a table: plain data that can be posted to another thread. */
export interface Batch {
  readonly rowCount: number;
  /** Row numbers in the file, from 1. Shape (rowCount). */
  readonly rows: Uint32Array<ArrayBuffer>;
  /** The loaded columns, in the order in which they are read. */
  readonly columns: readonly BatchColumn[];
  /** Rows that cannot be loaded; not part of the columns. */
  readonly faults: readonly RowFault[];
}

export const emptyBatch: Batch = { rowCount: 0, rows: new Uint32Array(), columns: [], faults: [] };

export type BatchColumn =
  & { readonly nulls: Uint8Array<ArrayBuffer> }
  & (
    | { readonly type: "INTEGER"; readonly words: Int32Array<ArrayBuffer>; readonly exact: BigInt64Array }
    | { readonly type: "REAL"; readonly values: Float64Array<ArrayBuffer> }
    /** Concatenated texts, and the end of each, in UTF-16 code units. */
    | { readonly type: "TEXT"; readonly text: string; readonly ends: Int32Array<ArrayBuffer> }
    /** Distinct texts, and the index of the text of each row. */
    | { readonly type: "TERMS"; readonly terms: readonly string[]; readonly codes: Uint16Array<ArrayBuffer> }
  );

/** Why a row cannot be loaded. */
export interface RowFault {
  /** Row number in the file, from 1. */
  readonly row: number;
  /** Absent if the whole row is faulty. */
  readonly column?: string;
  /** The reason, as in `"abc" is not a number`. */
  readonly detail: string;
  /** Types that could hold the value, in words; absent if the column's type is not the reason. */
  readonly wider?: string;
  /** The violated constraint of the table; absent if a value could not be converted. */
  readonly constraint?: string;
  /** Whether all values could be read, and the table rejects the row. */
  readonly isRead?: boolean;
  /** The values of the row; a cell that cannot be loaded has its text in the file, if it can be shown. */
  readonly cells: readonly Cell[];
  /** The line of the file, if it cannot be split into values. */
  readonly line?: string;
}

/** Frees the memory of a batch, which must not be used afterwards. The garbage collector would let dozens accumulate. */
export function releaseBatch(batch: Batch): void {
  for (const buffer of buffersOf(batch)) buffer.transfer(0);
}

/** Returns the buffers of a batch, to be transferred to another thread without a copy. */
export function buffersOf({ rows, columns }: Batch): ArrayBuffer[] {
  if (rows.length === 0) return [];
  return [
    rows.buffer,
    ...columns.flatMap((column) => {
      if (column.type === "INTEGER") return [column.nulls.buffer, column.words.buffer];
      if (column.type === "REAL") return [column.nulls.buffer, column.values.buffer];
      return [column.nulls.buffer, column.type === "TEXT" ? column.ends.buffer : column.codes.buffer];
    }),
  ];
}

/** Returns the approximate memory of a batch, in bytes. */
export function batchBytes({ rowCount, columns }: Batch): number {
  return columns.reduce((sum, column) => {
    if (column.type === "TEXT") return sum + 5 * rowCount + column.text.length;
    return sum + (column.type === "TERMS" ? 3 : 9) * rowCount;
  }, 4 * rowCount);
}

/** @returns The cell of a row. */
export function cellAt(column: BatchColumn, row: number): Cell {
  const cells: Cell[] = [];
  copyCells(column, row, 1, { cells, at: 0, step: 1 });
  return cells[0];
}

/** Target of cells: the first goes to `at`, each next one `step` further. */
interface CellPlace {
  readonly cells: Cell[];
  readonly at: number;
  readonly step: number;
}

/** Copies the cells of a range of rows. */
export function copyCells(column: BatchColumn, from: number, count: number, place: CellPlace): void {
  switch (column.type) {
    case "INTEGER":
      return copyIntegers(column, from, count, place);
    case "REAL":
      return copyReals(column, from, count, place);
    case "TEXT":
      return copyTexts(column, from, count, place);
    case "TERMS":
      return copyTerms(column, from, count, place);
  }
}

type Of<Type extends BatchColumn["type"]> = Extract<BatchColumn, { type: Type }>;

function copyIntegers(
  { nulls, words, exact }: Of<"INTEGER">,
  from: number,
  count: number,
  { cells, at, step }: CellPlace,
): void {
  for (let i = 0, row = from, k = at; i < count; i++, row++, k += step) {
    const high = words[2 * row + 1];
    if (nulls[row] === 1) cells[k] = null;
    // |value| < 2^53: exact as a double, which costs less than a BigInt.
    else if (high >= -0x20_0000 && high < 0x20_0000) cells[k] = high * 2 ** 32 + (words[2 * row] >>> 0);
    else cells[k] = exact[row];
  }
}

function copyReals(
  { nulls, values }: Of<"REAL">,
  from: number,
  count: number,
  { cells, at, step }: CellPlace,
): void {
  for (let i = 0, row = from, k = at; i < count; i++, row++, k += step) {
    cells[k] = nulls[row] === 1 ? null : values[row];
  }
}

function copyTexts(
  { nulls, text, ends }: Of<"TEXT">,
  from: number,
  count: number,
  { cells, at, step }: CellPlace,
): void {
  let start = from === 0 ? 0 : ends[from - 1];
  for (let i = 0, row = from, k = at; i < count; i++, row++, k += step) {
    cells[k] = nulls[row] === 1 ? null : text.substring(start, ends[row]);
    start = ends[row];
  }
}

function copyTerms(
  { nulls, terms, codes }: Of<"TERMS">,
  from: number,
  count: number,
  { cells, at, step }: CellPlace,
): void {
  for (let i = 0, row = from, k = at; i < count; i++, row++, k += step) {
    cells[k] = nulls[row] === 1 ? null : terms[codes[row]];
  }
}

/** Returns a cell of a buffer; if it cannot be loaded, its text in the file. */
export function bufferCell(buffer: ColumnBuffer, index: number): Cell {
  const found = buffer.found.get(index);
  if (found !== undefined) return found;
  return cellAt(gatherColumn(buffer, Uint32Array.of(index)), 0);
}

/** Copies rows of a buffer, in the order of `indices`. @param indices Rows of the buffer. Shape (rows). */
export function gatherColumn(buffer: ColumnBuffer, indices: Uint32Array): BatchColumn {
  const count = indices.length;
  const nulls = gatherBytes(buffer.nulls, indices, new Uint8Array(count));
  switch (buffer.type) {
    case "INTEGER": {
      const words = gatherWords(buffer.words, indices, new Int32Array(2 * count));
      return { type: "INTEGER", nulls, words, exact: new BigInt64Array(words.buffer) };
    }
    case "REAL":
      return { type: "REAL", nulls, values: gatherReals(buffer.values, indices, new Float64Array(count)) };
    case "TEXT":
      return {
        nulls,
        ...(isShared(buffer, indices) ? gatherTerms(buffer, indices) : gatherText(buffer, indices)),
      };
  }
}

/** Returns whether rows share few distinct texts, and their number fits into a code. */
function isShared({ byteCount, textLength }: TextBuffer, indices: Uint32Array): boolean {
  return textLength > 4 * byteCount && byteCount <= termBytesMax && indices.length <= 2 ** 16;
}

const termBytesMax = 2 ** 18;

type TextColumn<Type extends "TEXT" | "TERMS"> = Omit<Extract<BatchColumn, { type: Type }>, "nulls">;

function gatherTerms(
  { bytes, spans, nulls, byteCount }: TextBuffer,
  indices: Uint32Array,
): TextColumn<"TERMS"> {
  const codes = new Uint16Array(indices.length);
  const terms: string[] = [];
  // By the offset at which a text begins: its code + 1. An empty text has no entry: another text may begin at its offset.
  const codesByPlace = new Uint32Array(byteCount);
  let emptyCode = 0;
  for (let i = 0; i < indices.length; i++) {
    if (nulls[indices[i]] === 1) continue;
    const start = spans[2 * indices[i]];
    const end = spans[2 * indices[i] + 1];
    let code = start === end ? emptyCode : codesByPlace[start];
    if (code === 0) {
      code = terms.push(decoder.decode(bytes.subarray(start, end)));
      if (start === end) emptyCode = code;
      else codesByPlace[start] = code;
    }
    codes[i] = code - 1;
  }
  return { type: "TERMS", terms, codes };
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** One long string and the ends of its parts: substrings cost a tenth of strings that are decoded one by one. */
function gatherText(buffer: TextBuffer, indices: Uint32Array): TextColumn<"TEXT"> {
  const { bytes: source, spans, isAscii } = buffer;
  let byteCount = 0;
  for (let i = 0; i < indices.length; i++) byteCount += spans[2 * indices[i] + 1] - spans[2 * indices[i]];
  const bytes = new Uint8Array(byteCount);
  const ends = new Int32Array(indices.length);
  let to = 0;
  let unitCount = 0;
  // Rows in file order are contiguous and copied together.
  let [pieceStart, pieceEnd] = [0, 0];
  const copyPiece = () => {
    if (pieceEnd - pieceStart > pieceBytesMin) bytes.set(source.subarray(pieceStart, pieceEnd), to);
    else for (let from = pieceStart, at = to; from < pieceEnd; from++, at++) bytes[at] = source[from];
    to += pieceEnd - pieceStart;
  };
  for (let i = 0; i < indices.length; i++) {
    const start = spans[2 * indices[i]];
    const end = spans[2 * indices[i] + 1];
    if (start !== pieceEnd) {
      copyPiece();
      pieceStart = start;
    }
    pieceEnd = end;
    unitCount += isAscii ? end - start : utf16Length(source, start, end);
    ends[i] = unitCount;
  }
  copyPiece();
  const text = decoder.decode(bytes);
  release(bytes);
  return { type: "TEXT", text, ends };
}

/** Number of bytes at which a call costs as much as a loop. */
const pieceBytesMin = 128;

/** Returns the number of UTF-16 code units of well-formed UTF-8: two for a sequence of four bytes, one for any other. */
function utf16Length(bytes: Uint8Array, start: number, end: number): number {
  let units = 0;
  for (let i = start; i < end; i++) {
    if ((bytes[i] & 0xc0) !== 0x80) units += bytes[i] >= 0xf0 ? 2 : 1;
  }
  return units;
}
