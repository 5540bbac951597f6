import { type BatchColumn, gatherColumn } from "../files/columns/batch.ts";
import type { ColumnBuffer, IntegerBuffer, RealBuffer, TextBuffer } from "../files/columns/column_buffer.ts";

/** The values of a column in the rows that were looked at, in the order of the file: row `i` is the same row in every column. */
export type ColumnValues =
  /** A time is microseconds since 1970-01-01T00:00:00Z, a boolean 0 or 1, a missing value NaN. Shape (rows). */
  | { readonly is: "numbers"; readonly numbers: Float64Array }
  /** Distinct texts, and the index of each row's text; −1 for a missing value. Shape of `codes` (rows). */
  | { readonly is: "texts"; readonly texts: readonly string[]; readonly codes: Int32Array };

/** Returns a code for each row, the same for the same value. Shape (rows). */
export function codesOf(values: ColumnValues): Uint32Array {
  if (values.is === "texts") return Uint32Array.from(values.codes);
  const codes = new Map<number, number>();
  return Uint32Array.from(values.numbers, (value) => codes.getOrInsertComputed(value, () => codes.size));
}

/** The values of a column in the types that the reader of the file gives, before their kind is known. */
export interface CollectedColumn {
  readonly values: ColumnValues;
  /** Number of values that cannot be read, which count as missing. */
  readonly faults: number;
  /** Why the first of them cannot be read. */
  readonly fault: string | undefined;
  /** Whether one of its numbers is not whole. */
  readonly hasFraction: boolean;
}

/** Collects the values of a column from one run of rows after the other. */
export interface ValueCollector {
  append(buffer: ColumnBuffer): void;
  finish(): CollectedColumn;
}

/**
 * @param readsNumbers Whether texts become numbers if all of them are plain decimal numbers. Others, such as 012, +1 or 1e3, stay texts.
 */
export function createCollector({ readsNumbers }: { readonly readsNumbers: boolean }): ValueCollector {
  const numbers: Float64Array[] = [];
  const texts: BatchColumn[] = [];
  const codes: Int32Array[] = [];
  const coder = createTextCoder();
  let [faults, isText] = [0, false];
  let fault: string | undefined;
  const appendCodes = (part: Int32Array) => {
    isText = true;
    codes.push(part);
  };
  return {
    append(buffer) {
      faults += buffer.faults.size;
      fault ??= buffer.faults.values().next().value;
      if (buffer.type === "TEXT") {
        const part = gatherColumn(buffer, rowsOf(buffer));
        return readsNumbers ? void texts.push(part) : appendCodes(codesOfTexts(part, coder));
      }
      if (buffer.type === "REAL") return void numbers.push(numbersOfReals(buffer));
      if (!isText && !isBeyondExact(buffer)) return void numbers.push(numbersOfIntegers(buffer));
      // A double does not distinguish integers beyond 2^53: the column becomes texts.
      for (const part of numbers.splice(0)) {
        appendCodes(Int32Array.from(part, (value) => value !== value ? -1 : coder.codeOf(String(value))));
      }
      appendCodes(codesOfIntegers(buffer, coder));
    },
    finish() {
      const plain = texts.length > 0 ? plainNumbers(texts) : undefined;
      if (plain) {
        return { values: { is: "numbers", ...plain }, faults, fault, hasFraction: plain.hasFraction };
      }
      for (const part of texts) appendCodes(codesOfTexts(part, coder));
      return {
        values: isText
          ? { is: "texts", texts: coder.texts, codes: joined(codes, (length) => new Int32Array(length)) }
          : { is: "numbers", numbers: joined(numbers, (length) => new Float64Array(length)) },
        faults,
        fault,
        hasFraction: false,
      };
    },
  };
}

function rowsOf({ length }: TextBuffer): Uint32Array {
  const rows = new Uint32Array(length);
  for (let row = 0; row < length; row++) rows[row] = row;
  return rows;
}

interface TextCoder {
  readonly texts: string[];
  codeOf(text: string): number;
}

function createTextCoder(): TextCoder {
  const texts: string[] = [];
  const codes = new Map<string, number>();
  return {
    texts,
    codeOf(text) {
      const known = codes.get(text);
      if (known !== undefined) return known;
      codes.set(text, texts.length);
      return texts.push(text) - 1;
    },
  };
}

function codesOfTexts(column: BatchColumn, coder: TextCoder): Int32Array {
  const codes = new Int32Array(column.nulls.length);
  if (column.type === "TERMS") {
    const codeOfTerm = column.terms.map(coder.codeOf);
    for (let row = 0; row < codes.length; row++) {
      codes[row] = column.nulls[row] === 1 ? -1 : codeOfTerm[column.codes[row]];
    }
  } else if (column.type === "TEXT") {
    for (let row = 0, start = 0; row < codes.length; row++) {
      const end = column.ends[row];
      codes[row] = column.nulls[row] === 1 ? -1 : coder.codeOf(column.text.substring(start, end));
      start = end;
    }
  }
  return codes;
}

/** Reads texts as numbers, without a string that is kept for each. @returns undefined if one of them is no plain decimal number. */
function plainNumbers(
  parts: readonly BatchColumn[],
): { numbers: Float64Array; hasFraction: boolean } | undefined {
  const numbers = new Float64Array(parts.reduce((sum, { nulls }) => sum + nulls.length, 0));
  let [at, hasFraction] = [0, false];
  for (const part of parts) {
    if (part.type !== "TEXT") return undefined;
    const { text, ends, nulls } = part;
    for (let row = 0, start = 0; row < ends.length; row++) {
      const end = ends[row];
      const kind = nulls[row] === 1 ? "missing" : plainKindOf(text, start, end);
      if (kind === undefined) return undefined;
      if (kind === "fraction") hasFraction = true;
      numbers[at++] = kind === "missing" ? NaN : Number(text.substring(start, end));
      start = end;
    }
  }
  return { numbers, hasFraction };
}

const [minus, point, zero, nine] = [0x2d, 0x2e, 0x30, 0x39];
/** Digits of an integer that a double always represents exactly. */
const digitsMax = 15;

/** Returns whether the text is a whole number or one with a fraction; undefined if it is written in another way. */
function plainKindOf(text: string, start: number, end: number): "whole" | "fraction" | undefined {
  const first = text.charCodeAt(start) === minus ? start + 1 : start;
  let at = first;
  while (at < end && isDigit(text.charCodeAt(at))) at++;
  const digits = at - first;
  if (digits === 0 || digits > digitsMax) return undefined;
  if (digits > 1 && text.charCodeAt(first) === zero) return undefined;
  if (at === end) return "whole";
  if (text.charCodeAt(at) !== point) return undefined;
  let isWhole = true;
  for (at++; at < end; at++) {
    const code = text.charCodeAt(at);
    if (!isDigit(code)) return undefined;
    if (code !== zero) isWhole = false;
  }
  return isWhole ? "whole" : "fraction";
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}

function isBeyondExact({ words, length }: IntegerBuffer): boolean {
  for (let row = 0; row < length; row++) {
    const high = words[2 * row + 1];
    if (high < -0x20_0000 || high >= 0x20_0000) return true;
  }
  return false;
}

function numbersOfIntegers({ words, nulls, length }: IntegerBuffer): Float64Array {
  const numbers = new Float64Array(length);
  for (let row = 0; row < length; row++) {
    numbers[row] = nulls[row] === 1 ? NaN : words[2 * row + 1] * 2 ** 32 + (words[2 * row] >>> 0);
  }
  return numbers;
}

function codesOfIntegers({ words, nulls, length }: IntegerBuffer, coder: TextCoder): Int32Array {
  const codes = new Int32Array(length);
  for (let row = 0; row < length; row++) {
    const value = BigInt(words[2 * row + 1]) * 4294967296n + BigInt(words[2 * row] >>> 0);
    codes[row] = nulls[row] === 1 ? -1 : coder.codeOf(String(value));
  }
  return codes;
}

function numbersOfReals({ values, nulls, length }: RealBuffer): Float64Array {
  const numbers = new Float64Array(length);
  for (let row = 0; row < length; row++) numbers[row] = nulls[row] === 1 ? NaN : values[row];
  return numbers;
}

function joined<Values extends Float64Array | Int32Array>(
  parts: readonly Values[],
  allocate: (length: number) => Values,
): Values {
  const all = allocate(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
