import type {
  ColumnBuffer,
  IntegerBuffer,
  RealBuffer,
  TextBuffer,
} from "../../files/columns/column_buffer.ts";
import { hasNumbers, hasTexts, tableLevelOf } from "../../examples/level.ts";
import { hashOf, hashOfAscii } from "../../math/hash.ts";
import { sharedFloat64, sharedUint32 } from "../../runtime/shared_memory.ts";

/** Converts one column of a table's runs to the form that examples need. */
export interface RunColumn<Values> {
  /** Shape (rows of the last run) or longer. */
  readonly values: Values;
  /** Converts a run's buffer. @returns Whether all values can be part of an example. */
  read(buffer: ColumnBuffer): boolean;
}

export type NumberColumn = RunColumn<Float64Array<SharedArrayBuffer>>;
export type WordColumn = RunColumn<Uint32Array<SharedArrayBuffer>>;

/** Numbers as SQLite returns them; NaN for null. */
export function createNumbers(): NumberColumn {
  let values = sharedFloat64(0);
  return {
    get values() {
      return values;
    },
    read(buffer) {
      if (buffer.type === "TEXT") return false;
      if (values.length < buffer.length) values = sharedFloat64(buffer.length);
      return buffer.type === "REAL" ? copyReals(buffer, values) : copyIntegers(buffer, values);
    },
  };
}

/** Integer ids as numbers, each exact. */
export function createIds(): NumberColumn {
  const numbers = createNumbers();
  return {
    get values() {
      return numbers.values;
    },
    read: (buffer) =>
      buffer.type === "INTEGER" && buffer.nullCount === 0 && numbers.read(buffer) &&
      areSafe(numbers.values, buffer.length),
  };
}

/** Categories as codes, numbered in the order in which they first occur; 0 is missing. */
export interface CategoryColumn extends WordColumn {
  /** Level of each code. */
  readonly levels: (string | null)[];
  /** Bit set of the kinds of values: `hasTexts`, `hasNumbers`. */
  readonly kinds: number;
}

export function createCategories(): CategoryColumn {
  const levels: (string | null)[] = [null];
  const codeOf = new Map<string | number, number>();
  const codeOfLevel = (value: string | number) => {
    let code = codeOf.get(value);
    if (code === undefined) codeOf.set(value, code = levels.push(tableLevelOf(value)) - 1);
    return code;
  };
  const numbers = createNumbers();
  let values = sharedUint32(0);
  let kinds = 0;
  return {
    levels,
    get kinds() {
      return kinds;
    },
    get values() {
      return values;
    },
    read(buffer) {
      kinds |= buffer.type === "TEXT" ? hasTexts : hasNumbers;
      if (values.length < buffer.length) values = sharedUint32(buffer.length);
      if (buffer.type === "TEXT") codeTexts(buffer, values, codeOfLevel);
      else {
        if (!numbers.read(buffer) || !areSafe(numbers.values, buffer.length)) return false;
        const found = numbers.values;
        for (let i = 0; i < buffer.length; i++) values[i] = found[i] === found[i] ? codeOfLevel(found[i]) : 0;
      }
      return true;
    },
  };
}

/** Labels, as 0 and 1. @param positive The value that counts as 1; another one counts as 0. Default: 1 and 0 themselves. */
export function createLabels(positive?: string): WordColumn {
  const categories = createCategories();
  const isLabel = (level: string | null) => positive !== undefined || level === "0" || level === "1";
  const isOne = (level: string | null) => level === (positive ?? "1");
  return {
    get values() {
      return categories.values;
    },
    read(buffer) {
      if (buffer.nullCount > 0 || !categories.read(buffer)) return false;
      const { values, levels: [, ...levels] } = categories;
      for (let i = 0; i < buffer.length; i++) values[i] = Number(isOne(levels[values[i] - 1]));
      return levels.every(isLabel) && levels.filter((level) => !isOne(level)).length <= 1;
    },
  };
}

/** Hashes of groups, as `hashOf` computes them. */
export function createGroups(): WordColumn {
  const numbers = createNumbers();
  let values = sharedUint32(0);
  return {
    get values() {
      return values;
    },
    read(buffer) {
      if (buffer.nullCount > 0) return false;
      if (values.length < buffer.length) values = sharedUint32(buffer.length);
      if (buffer.type === "TEXT") hashTexts(buffer, values);
      else {
        if (!numbers.read(buffer) || !areSafe(numbers.values, buffer.length)) return false;
        for (let i = 0; i < buffer.length; i++) values[i] = hashOf(numbers.values[i]);
      }
      return true;
    },
  };
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

/** Whether all integers are exact as doubles: beyond 2^53, two integers can become the same number. */
function areSafe(numbers: Float64Array, length: number): boolean {
  for (let i = 0; i < length; i++) {
    if (numbers[i] > Number.MAX_SAFE_INTEGER || numbers[i] < Number.MIN_SAFE_INTEGER) return false;
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
