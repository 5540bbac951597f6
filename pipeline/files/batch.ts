import type { ColumnBuffer, TextBuffer } from "./column_buffer.ts";

/** What SQLite is given for a cell. A bigint only where a number would not be exact. */
export type Cell = string | number | bigint | null;

/** Rows of a file, ready for a table: plain data, which threads can hand on to each other. */
export interface Batch {
  readonly rowCount: number;
  /** Shape (rowCount): each row's place in its file, from 1. */
  readonly rows: Uint32Array<ArrayBuffer>;
  /** One for each column that is loaded, in the order in which they are read. */
  readonly columns: readonly BatchColumn[];
  /** Rows that cannot be loaded; they are not among the others. */
  readonly faults: readonly RowFault[];
}

export const emptyBatch: Batch = { rowCount: 0, rows: new Uint32Array(), columns: [], faults: [] };

export type BatchColumn =
  & { readonly nulls: Uint8Array<ArrayBuffer> }
  & (
    | { readonly type: "INTEGER"; readonly words: Int32Array<ArrayBuffer>; readonly exact: BigInt64Array }
    | { readonly type: "REAL"; readonly values: Float64Array<ArrayBuffer> }
    /** Texts one after the other, and where each ends, in UTF-16 code units. */
    | { readonly type: "TEXT"; readonly text: string; readonly ends: Int32Array<ArrayBuffer> }
    /** Texts that many rows share, and which each row has. */
    | { readonly type: "TERMS"; readonly terms: readonly string[]; readonly codes: Uint16Array<ArrayBuffer> }
  );

/** Why a row cannot be loaded. */
export interface RowFault {
  /** Its place in its file, from 1. */
  readonly row: number;
  /** Absent where it is the whole row. */
  readonly column?: string;
  /** What is wrong, as in `"abc" is not a number`. */
  readonly detail: string;
  /** The table's constraint that it breaks; absent where a value cannot even be tried. */
  readonly constraint?: string;
  readonly cells: readonly Cell[];
}

/** Gives the memory of a batch back at once: the collector would let that of dozens gather. It must not be used any more. */
export function releaseBatch(batch: Batch): void {
  for (const buffer of buffersOf(batch)) buffer.transfer(0);
}

/** The memory of a batch, for a thread to hand on without a copy. */
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

/** About how much memory a batch takes. */
export function batchBytes({ rowCount, columns }: Batch): number {
  return columns.reduce((sum, column) => {
    if (column.type === "TEXT") return sum + 5 * rowCount + column.text.length;
    return sum + (column.type === "TERMS" ? 3 : 9) * rowCount;
  }, 4 * rowCount);
}

export function cellAt(column: BatchColumn, row: number): Cell {
  if (column.nulls[row] === 1) return null;
  switch (column.type) {
    case "REAL":
      return column.values[row];
    case "TEXT":
      return column.text.substring(row === 0 ? 0 : column.ends[row - 1], column.ends[row]);
    case "TERMS":
      return column.terms[column.codes[row]];
    case "INTEGER": {
      const high = column.words[2 * row + 1];
      // |value| < 2^53: a double holds it, and costs less than a BigInt.
      if (high >= -0x20_0000 && high < 0x20_0000) return high * 2 ** 32 + (column.words[2 * row] >>> 0);
      return column.exact[row];
    }
  }
}

/** One cell of a buffer. */
export function bufferCell(buffer: ColumnBuffer, index: number): Cell {
  return cellAt(gatherColumn(buffer, Uint32Array.of(index)), 0);
}

/**
 * Copies rows of a buffer, in the order of `indices`.
 *
 * @param indices Shape (rows): places in the buffer.
 */
export function gatherColumn(buffer: ColumnBuffer, indices: Uint32Array): BatchColumn {
  const nulls = new Uint8Array(indices.length);
  for (let i = 0; i < indices.length; i++) nulls[i] = buffer.nulls[indices[i]];
  switch (buffer.type) {
    case "INTEGER": {
      const words = new Int32Array(2 * indices.length);
      for (let i = 0; i < indices.length; i++) {
        words[2 * i] = buffer.words[2 * indices[i]];
        words[2 * i + 1] = buffer.words[2 * indices[i] + 1];
      }
      return { type: "INTEGER", nulls, words, exact: new BigInt64Array(words.buffer) };
    }
    case "REAL": {
      const values = new Float64Array(indices.length);
      for (let i = 0; i < indices.length; i++) values[i] = buffer.values[indices[i]];
      return { type: "REAL", nulls, values };
    }
    case "TEXT":
      return {
        nulls,
        ...(isShared(buffer, indices) ? gatherTerms(buffer, indices) : gatherText(buffer, indices)),
      };
  }
}

/** Whether rows share their texts, which are few, and a batch of them has no more terms than a code can tell apart. */
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
  // By the place where a text begins: its code + 1. An empty text has none: another may begin where it lies.
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

/** One long string and where its parts end: parts of a string cost a tenth of strings decoded one by one. */
function gatherText(buffer: TextBuffer, indices: Uint32Array): TextColumn<"TEXT"> {
  const { bytes: source, spans, isAscii } = buffer;
  let byteCount = 0;
  for (let i = 0; i < indices.length; i++) byteCount += spans[2 * indices[i] + 1] - spans[2 * indices[i]];
  const bytes = new Uint8Array(byteCount);
  const ends = new Int32Array(indices.length);
  let to = 0;
  let unitCount = 0;
  // Rows in the order in which they were read lie one after the other: they are copied together.
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
  return { type: "TEXT", text: decoder.decode(bytes), ends };
}

/** A call costs as much as a loop over so many bytes. */
const pieceBytesMin = 128;

/** UTF-16 code units of well-formed UTF-8: two for a sequence of four bytes, one for any other. */
function utf16Length(bytes: Uint8Array, start: number, end: number): number {
  let units = 0;
  for (let i = start; i < end; i++) {
    if ((bytes[i] & 0xc0) !== 0x80) units += bytes[i] >= 0xf0 ? 2 : 1;
  }
  return units;
}
