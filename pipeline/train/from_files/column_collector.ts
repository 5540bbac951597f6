import type {
  ColumnBuffer,
  IntegerBuffer,
  RealBuffer,
  TextBuffer,
} from "../../files/columns/column_buffer.ts";
import { type GrowableArray, growableFloat64, growableUint32, type NumberArray } from "./growable_array.ts";
import { hashOf, hashOfAscii } from "../../math/hash.ts";
import { hasNumbers, hasTexts, tableLevelOf } from "../../examples/level.ts";

/** Collects one column of a table, converted to the form that examples need. */
export interface ColumnCollector<Values> {
  /** Adds a buffer's rows. @returns False if a value cannot be part of an example. */
  add(buffer: ColumnBuffer): boolean;
  /** Returns the values of all rows that were added. */
  values(): Values;
  byteCount(): number;
  release(): void;
}

export type Float64Collector = ColumnCollector<Float64Array<ArrayBuffer>>;
export type Uint32Collector = ColumnCollector<Uint32Array<ArrayBuffer>>;

/** Collects numbers as SQLite returns them; NaN for null. */
export function collectNumbers(): Float64Collector {
  const collected = growableFloat64();
  return {
    add(buffer) {
      if (buffer.type === "TEXT") return false;
      const from = collected.extend(buffer.length);
      return copyNumbers(buffer, collected.array, from);
    },
    ...resultOf(collected),
  };
}

/** Collects integer ids as numbers. */
export function collectIds(): Float64Collector {
  const collected = growableFloat64();
  return {
    add(buffer) {
      if (buffer.type !== "INTEGER" || buffer.nullCount > 0) return false;
      const from = collected.extend(buffer.length);
      return copyNumbers(buffer, collected.array, from) && areSafe(collected.array, from, collected.length);
    },
    ...resultOf(collected),
  };
}

/** Collects categories as codes, numbered in the order in which they first occur; 0 is missing. */
export interface CategoryCollector extends Uint32Collector {
  /** Level of each code. */
  readonly levels: (string | null)[];
  /** Bit set of the kinds of values: `hasTexts`, `hasNumbers`. */
  readonly kinds: number;
}

export function collectCategories(): CategoryCollector {
  const collected = growableUint32();
  const levels: (string | null)[] = [null];
  const codeOf = new Map<string | number, number>();
  const codeOfLevel = (value: string | number) => {
    let code = codeOf.get(value);
    if (code === undefined) codeOf.set(value, code = levels.push(tableLevelOf(value)) - 1);
    return code;
  };
  let kinds = 0;
  return {
    levels,
    get kinds() {
      return kinds;
    },
    add(buffer) {
      kinds |= buffer.type === "TEXT" ? hasTexts : hasNumbers;
      const from = collected.extend(buffer.length);
      if (buffer.type === "TEXT") codeTexts(buffer, collected.array, from, codeOfLevel);
      else {
        const numbers = new Float64Array(buffer.length);
        if (!copyNumbers(buffer, numbers, 0) || !areSafe(numbers, 0, numbers.length)) return false;
        codeNumbers(numbers, collected.array, from, codeOfLevel);
      }
      return true;
    },
    ...resultOf(collected),
  };
}

/** Collects labels, as 0 and 1. @param positive The value that counts as 1; another one counts as 0. Default: 1 and 0 themselves. */
export function collectLabels(positive?: string): ColumnCollector<Uint8Array> {
  const values = collectCategories();
  const isLabel = (level: string | null) => positive !== undefined || level === "0" || level === "1";
  return {
    ...values,
    add(buffer) {
      if (buffer.nullCount > 0 || !values.add(buffer)) return false;
      const [, ...levels] = values.levels;
      return levels.every(isLabel) && levels.filter((level) => level !== (positive ?? "1")).length <= 1;
    },
    values: () =>
      Uint8Array.from(values.values(), (code) => Number(values.levels[code] === (positive ?? "1"))),
  };
}

/** Collects the hashes of groups, as `hashOf` computes them. */
export function collectGroups(): Uint32Collector {
  const collected = growableUint32();
  return {
    add(buffer) {
      if (buffer.nullCount > 0) return false;
      const from = collected.extend(buffer.length);
      if (buffer.type === "TEXT") hashTexts(buffer, collected.array, from);
      else {
        const numbers = new Float64Array(buffer.length);
        if (!copyNumbers(buffer, numbers, 0) || !areSafe(numbers, 0, numbers.length)) return false;
        for (let i = 0; i < numbers.length; i++) collected.array[from + i] = hashOf(numbers[i]);
      }
      return true;
    },
    ...resultOf(collected),
  };
}

function resultOf<A extends NumberArray>(
  collected: GrowableArray<A>,
): Pick<ColumnCollector<A>, "values" | "byteCount" | "release"> {
  return {
    values: () => collected.array.subarray(0, collected.length) as A,
    byteCount: () => collected.array.byteLength,
    release: collected.release,
  };
}

type NumberBuffer = Exclude<ColumnBuffer, TextBuffer>;

/** @returns False if a value is infinite. */
function copyNumbers(buffer: NumberBuffer, target: Float64Array, from: number): boolean {
  return buffer.type === "REAL" ? copyReals(buffer, target, from) : copyIntegers(buffer, target, from);
}

/** Adds 0 to each value, since SQLite does not keep the sign of zero. */
function copyReals({ nulls, values, length }: RealBuffer, target: Float64Array, from: number): boolean {
  let areFinite = true;
  for (let i = 0; i < length; i++) {
    const value = nulls[i] === 1 ? NaN : values[i] + 0;
    target[from + i] = value;
    if (value === Infinity || value === -Infinity) areFinite = false;
  }
  return areFinite;
}

function copyIntegers({ nulls, words, length }: IntegerBuffer, target: Float64Array, from: number): boolean {
  for (let i = 0; i < length; i++) {
    target[from + i] = nulls[i] === 1 ? NaN : words[2 * i + 1] * 2 ** 32 + (words[2 * i] >>> 0);
  }
  return true;
}

/** Whether all integers are exact as doubles: beyond 2^53, two integers can become the same number. */
function areSafe(numbers: Float64Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (numbers[i] > Number.MAX_SAFE_INTEGER || numbers[i] < Number.MIN_SAFE_INTEGER) return false;
  }
  return true;
}

function codeNumbers(
  numbers: Float64Array,
  target: Uint32Array,
  from: number,
  codeOf: (value: number) => number,
): void {
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i];
    target[from + i] = value === value ? codeOf(value) : 0;
  }
}

/** Only texts that start in the first 256 KiB of a buffer are looked up by position; a buffer shares few distinct texts. */
const sharedBytesMax = 2 ** 18;

function codeTexts(
  buffer: TextBuffer,
  target: Uint32Array,
  from: number,
  codeOf: (value: string) => number,
): void {
  const { spans, nulls, length } = buffer;
  const textAt = createDecoder(buffer);
  // Rows with equal text may share its bytes: by the start of a text, the code + 1 of the level that starts there.
  const codes = new Uint32Array(Math.min(buffer.byteCount, sharedBytesMax));
  for (let i = 0; i < length; i++) {
    const start = spans[2 * i];
    if (nulls[i] === 1) target[from + i] = 0;
    else if (start === spans[2 * i + 1]) target[from + i] = codeOf("");
    else {
      const known = start < codes.length ? codes[start] : 0;
      const code = known === 0 ? codeOf(textAt(i)) : known - 1;
      if (known === 0 && start < codes.length) codes[start] = code + 1;
      target[from + i] = code;
    }
  }
}

function hashTexts(buffer: TextBuffer, target: Uint32Array, from: number): void {
  const { bytes, spans, length, isAscii } = buffer;
  const textAt = isAscii ? undefined : createDecoder(buffer);
  for (let i = 0; i < length; i++) {
    target[from + i] = textAt ? hashOf(textAt(i)) : hashOfAscii(bytes, spans[2 * i], spans[2 * i + 1]);
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
