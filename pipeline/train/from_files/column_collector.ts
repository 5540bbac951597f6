import type {
  ColumnBuffer,
  IntegerBuffer,
  RealBuffer,
  TextBuffer,
} from "../../files/columns/column_buffer.ts";
import { type Entries, type GrowableArray, growableUint32, growingReals } from "./growable_array.ts";
import { hashOf, hashOfAscii } from "../../math/hash.ts";
import { hasNumbers, hasTexts, tableLevelOf } from "../../examples/level.ts";

/** One column of a table as the examples need it, of all rows that have been read. */
export interface ColumnCollector<Values> {
  /** @returns Whether the values can be those of examples. */
  add(buffer: ColumnBuffer): boolean;
  /** Of the rows that were added. */
  values(): Values;
  byteCount(): number;
  release(): void;
}

export type Reals = ColumnCollector<Float64Array<ArrayBuffer>>;
export type Words = ColumnCollector<Uint32Array<ArrayBuffer>>;

/** Numbers as SQLite gives them back; NaN where there is none. */
export function gatherNumbers(): Reals {
  const grown = growingReals();
  return {
    add(buffer) {
      if (buffer.type === "TEXT") return false;
      const from = grown.extend(buffer.length);
      return copyNumbers(buffer, grown.array, from);
    },
    ...owned(grown),
  };
}

/** Integers as numbers, for ids. */
export function gatherIds(): Reals {
  const grown = growingReals();
  return {
    add(buffer) {
      if (buffer.type !== "INTEGER" || buffer.nullCount > 0) return false;
      const from = grown.extend(buffer.length);
      return copyNumbers(buffer, grown.array, from) && areSafe(grown.array, from, grown.length);
    },
    ...owned(grown),
  };
}

/** Categories as codes, in the order in which they appear; 0 is missing. */
export interface Categories extends Words {
  /** In the order of their codes. */
  readonly levels: (string | null)[];
  /** Kinds of the values, as bits. */
  readonly kinds: number;
}

export function gatherCategories(): Categories {
  const grown = growableUint32();
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
      const from = grown.extend(buffer.length);
      if (buffer.type === "TEXT") codeTexts(buffer, grown.array, from, codeOfLevel);
      else {
        const numbers = new Float64Array(buffer.length);
        if (!copyNumbers(buffer, numbers, 0) || !areSafe(numbers, 0, numbers.length)) return false;
        codeNumbers(numbers, grown.array, from, codeOfLevel);
      }
      return true;
    },
    ...owned(grown),
  };
}

/** Hashes of groups, as `hashOf` makes them. */
export function gatherGroups(): Words {
  const grown = growableUint32();
  return {
    add(buffer) {
      if (buffer.nullCount > 0) return false;
      const from = grown.extend(buffer.length);
      if (buffer.type === "TEXT") hashTexts(buffer, grown.array, from);
      else {
        const numbers = new Float64Array(buffer.length);
        if (!copyNumbers(buffer, numbers, 0) || !areSafe(numbers, 0, numbers.length)) return false;
        for (let i = 0; i < numbers.length; i++) grown.array[from + i] = hashOf(numbers[i]);
      }
      return true;
    },
    ...owned(grown),
  };
}

function owned<A extends Entries>(
  grown: GrowableArray<A>,
): Pick<ColumnCollector<A>, "values" | "byteCount" | "release"> {
  return {
    values: () => grown.array.subarray(0, grown.length) as A,
    byteCount: () => grown.array.byteLength,
    release: grown.release,
  };
}

type NumberBuffer = Exclude<ColumnBuffer, TextBuffer>;

/** @returns Whether none is infinite. */
function copyNumbers(buffer: NumberBuffer, target: Float64Array, from: number): boolean {
  return buffer.type === "REAL" ? copyReals(buffer, target, from) : copyIntegers(buffer, target, from);
}

/** + 0: SQLite keeps no sign of a zero. */
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

/** Whether integers are exact as numbers: beyond 2^53, two of them could look like one. */
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

/** Texts that are shared are few. */
const sharedBytesMax = 2 ** 18;

function codeTexts(
  buffer: TextBuffer,
  target: Uint32Array,
  from: number,
  codeOf: (value: string) => number,
): void {
  const { spans, nulls, length } = buffer;
  const textAt = createDecoder(buffer);
  // Rows of equal text may share its bytes: what begins where another did is known by its place, as its code + 1.
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

/** Texts of a buffer's rows. Where all is ASCII it is decoded at once, and a text is a part of it. */
function createDecoder(buffer: TextBuffer): (row: number) => string {
  const { bytes, spans, isAscii, byteCount } = buffer;
  if (!isAscii) return (row) => decoder.decode(bytes.subarray(spans[2 * row], spans[2 * row + 1]));
  const text = decoder.decode(bytes.subarray(0, byteCount));
  return (row) => text.substring(spans[2 * row], spans[2 * row + 1]);
}
