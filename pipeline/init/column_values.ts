import { gatherColumn } from "../files/columns/batch.ts";
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
}

/** Collects the values of a column from one run of rows after the other. */
export interface ValueCollector {
  append(buffer: ColumnBuffer): void;
  finish(): CollectedColumn;
}

export function createCollector(): ValueCollector {
  const numbers: Float64Array[] = [];
  const codes: Int32Array[] = [];
  const coder = createTextCoder();
  let [faults, isText] = [0, false];
  let fault: string | undefined;
  const appendTexts = (part: Int32Array) => {
    isText = true;
    codes.push(part);
  };
  return {
    append(buffer) {
      faults += buffer.faults.size;
      fault ??= buffer.faults.values().next().value;
      if (buffer.type === "TEXT") return appendTexts(codesOfTexts(buffer, coder));
      if (buffer.type === "REAL") return void numbers.push(numbersOfReals(buffer));
      if (!isText && !isBeyondExact(buffer)) return void numbers.push(numbersOfIntegers(buffer));
      // A double does not distinguish integers beyond 2^53: the column becomes texts.
      for (const part of numbers.splice(0)) {
        appendTexts(Int32Array.from(part, (value) => value !== value ? -1 : coder.codeOf(String(value))));
      }
      appendTexts(codesOfIntegers(buffer, coder));
    },
    finish: () => ({
      values: isText
        ? { is: "texts", texts: coder.texts, codes: joinedCodes(codes) }
        : { is: "numbers", numbers: joinedNumbers(numbers) },
      faults,
      fault,
    }),
  };
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

function codesOfTexts(buffer: TextBuffer, coder: TextCoder): Int32Array {
  const codes = new Int32Array(buffer.length);
  const column = gatherColumn(buffer, Uint32Array.from({ length: buffer.length }, (_, row) => row));
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

function joinedNumbers(parts: readonly Float64Array[]): Float64Array {
  const joined = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function joinedCodes(parts: readonly Int32Array[]): Int32Array {
  const joined = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
