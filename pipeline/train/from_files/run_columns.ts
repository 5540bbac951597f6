import type {
  ColumnBuffer,
  IntegerBuffer,
  RealBuffer,
  TextBuffer,
} from "../../files/columns/column_buffer.ts";
import { type Coding, createCoder } from "../../examples/coding.ts";
import { hashOf, hashOfAscii } from "../../math/hash.ts";
import { sharedFloat64, sharedUint32 } from "../../runtime/shared_memory.ts";

/** Converts one column of a table's runs to the form that examples need. */
export interface RunColumn<Values> {
  /** Shape (rows of the last run) or longer. */
  readonly values: Values;
  /** Converts a run's buffer. @returns Whether all values can be part of an example. */
  read(buffer: ColumnBuffer): boolean;
}

/** @param convert Converts a buffer, into values for at least as many rows. @returns As `read`. */
function createColumn<Values extends Float64Array | Uint32Array>(
  allocate: (length: number) => Values,
  convert: (buffer: ColumnBuffer, values: Values) => boolean,
): RunColumn<Values> {
  let values = allocate(0);
  return {
    get values() {
      return values;
    },
    read(buffer) {
      if (values.length < buffer.length) values = allocate(buffer.length);
      return convert(buffer, values);
    },
  };
}

export type NumberColumn = RunColumn<Float64Array<SharedArrayBuffer>>;
export type WordColumn = RunColumn<Uint32Array<SharedArrayBuffer>>;

/** Numbers as SQLite returns them; NaN for null. */
export function createNumbers(): NumberColumn {
  return createColumn(sharedFloat64, copyNumbers);
}

/** Integer ids as numbers, each exact. */
export function createIds(): NumberColumn {
  return createColumn(
    sharedFloat64,
    (buffer, values) =>
      buffer.type === "INTEGER" && buffer.nullCount === 0 && copySafeNumbers(buffer, values),
  );
}

/** Categories as written codes of one thread. */
export function createCategories() {
  const coder = createCoder();
  const codeOf = (value: string | number) => coder.codeOf(value) ?? 0;
  const numbers = createColumn(sharedFloat64, copySafeNumbers);
  const column = createColumn(sharedUint32, (buffer, values) => {
    if (buffer.type === "TEXT") codeTexts(buffer, values, codeOf);
    else {
      if (!numbers.read(buffer)) return false;
      const found = numbers.values;
      for (let i = 0; i < buffer.length; i++) values[i] = found[i] === found[i] ? codeOf(found[i]) : 0;
    }
    return true;
  });
  return {
    column,
    coding: (): Coding => ({ levels: [coder.levels], kinds: coder.kinds }),
  };
}

/** Labels, as 0 and 1. @param positive The value that counts as 1; another one counts as 0. Default: 1 and 0 themselves. */
export function createLabels(positive?: string): WordColumn {
  const { column, coding } = createCategories();
  const isLabel = (level: string | null) => positive !== undefined || level === "0" || level === "1";
  const isOne = (level: string | null) => level === (positive ?? "1");
  return {
    get values() {
      return column.values;
    },
    read(buffer) {
      if (buffer.nullCount > 0 || !column.read(buffer)) return false;
      const { values } = column;
      const [[, ...levels]] = coding().levels;
      for (let i = 0; i < buffer.length; i++) values[i] = Number(isOne(levels[values[i] - 1]));
      return levels.every(isLabel) && levels.filter((level) => !isOne(level)).length <= 1;
    },
  };
}

/** Hashes of groups, as `hashOf` computes them. */
export function createGroups(): WordColumn {
  const numbers = createColumn(sharedFloat64, copySafeNumbers);
  return createColumn(sharedUint32, (buffer, values) => {
    if (buffer.nullCount > 0) return false;
    if (buffer.type === "TEXT") hashTexts(buffer, values);
    else {
      if (!numbers.read(buffer)) return false;
      for (let i = 0; i < buffer.length; i++) values[i] = hashOf(numbers.values[i]);
    }
    return true;
  });
}

/** @returns False for texts, and if a value is infinite. */
function copyNumbers(buffer: ColumnBuffer, target: Float64Array): boolean {
  if (buffer.type === "TEXT") return false;
  return buffer.type === "REAL" ? copyReals(buffer, target) : copyIntegers(buffer, target);
}

/** @returns As `copyNumbers`, and false if a number may not be exact: beyond 2^53, two integers can become the same number. */
function copySafeNumbers(buffer: ColumnBuffer, target: Float64Array): boolean {
  if (!copyNumbers(buffer, target)) return false;
  for (let i = 0; i < buffer.length; i++) {
    if (target[i] > Number.MAX_SAFE_INTEGER || target[i] < Number.MIN_SAFE_INTEGER) return false;
  }
  return true;
}

/** Adds 0 to each value, since SQLite does not keep the sign of zero. @returns False if a value is infinite. */
function copyReals({ nulls, values, length }: RealBuffer, target: Float64Array): boolean {
  let areFinite = true;
  for (let i = 0; i < length; i++) {
    const value = nulls[i] === 1 ? NaN : values[i] + 0;
    target[i] = value;
    if (value === Infinity || value === -Infinity) areFinite = false;
  }
  return areFinite;
}

function copyIntegers({ nulls, words, length }: IntegerBuffer, target: Float64Array): boolean {
  for (let i = 0; i < length; i++) {
    target[i] = nulls[i] === 1 ? NaN : words[2 * i + 1] * 2 ** 32 + (words[2 * i] >>> 0);
  }
  return true;
}

/** Only texts that start in the first 256 KiB of a buffer are looked up by position; a buffer shares few distinct texts. */
const sharedBytesMax = 2 ** 18;

function codeTexts(buffer: TextBuffer, target: Uint32Array, codeOf: (value: string) => number): void {
  const { spans, nulls, length } = buffer;
  const textAt = createDecoder(buffer);
  // Rows with equal text may share its bytes: by the start of a text, the code + 1 of the level that starts there.
  const codes = new Uint32Array(Math.min(buffer.byteCount, sharedBytesMax));
  for (let i = 0; i < length; i++) {
    const start = spans[2 * i];
    if (nulls[i] === 1) target[i] = 0;
    else if (start === spans[2 * i + 1]) target[i] = codeOf("");
    else {
      const known = start < codes.length ? codes[start] : 0;
      const code = known === 0 ? codeOf(textAt(i)) : known - 1;
      if (known === 0 && start < codes.length) codes[start] = code + 1;
      target[i] = code;
    }
  }
}

function hashTexts(buffer: TextBuffer, target: Uint32Array): void {
  const { bytes, spans, length, isAscii } = buffer;
  const textAt = isAscii ? undefined : createDecoder(buffer);
  for (let i = 0; i < length; i++) {
    target[i] = textAt ? hashOf(textAt(i)) : hashOfAscii(bytes, spans[2 * i], spans[2 * i + 1]);
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Returns a reader of the texts of a buffer's rows. An ASCII buffer is decoded at once, and its texts are substrings. */
function createDecoder(buffer: TextBuffer): (row: number) => string {
  const { bytes, spans, isAscii, byteCount } = buffer;
  if (!isAscii) return (row) => decoder.decode(bytes.subarray(spans[2 * row], spans[2 * row + 1]));
  const text = decoder.decode(bytes.subarray(0, byteCount));
  return (row) => text.substring(spans[2 * row], spans[2 * row + 1]);
}
