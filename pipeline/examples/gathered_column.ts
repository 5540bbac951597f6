import type { ColumnBuffer, TextBuffer } from "../files/column_buffer.ts";
import { categoryOf } from "../encode/encoder.ts";
import { type Entries, type Growing, growingReals, growingWords } from "./growing.ts";
import { hashOf } from "./raw_examples.ts";

/** One column of a table as the examples need it, of all rows that have been read. */
export interface GatheredColumn<Values> {
  /** @returns Whether the values can be those of examples. */
  add(buffer: ColumnBuffer): boolean;
  /** Of the rows that were added. */
  values(): Values;
  byteCount(): number;
  release(): void;
}

export type Reals = GatheredColumn<Float64Array>;
export type Words = GatheredColumn<Uint32Array>;

/** Numbers as SQLite gives them back; NaN where there is none. */
export function gatherNumbers(): Reals {
  const grown = growingReals();
  return {
    add(buffer) {
      if (buffer.type === "TEXT") return false;
      const from = grown.extend(buffer.length);
      const { array } = grown;
      for (let i = 0; i < buffer.length; i++) {
        const value = numberAt(buffer, i);
        if (value === Infinity || value === -Infinity) return false;
        array[from + i] = value;
      }
      return true;
    },
    ...owned(grown),
  };
}

/** Categories as codes, in the order in which they appear; 0 is missing. */
export interface Categories extends Words {
  /** In the order of their codes. */
  readonly levels: (string | null)[];
}

export function gatherCategories(): Categories {
  const grown = growingWords();
  const levels: (string | null)[] = [null];
  const codeOf = new Map<string | number, number>();
  const codeOfLevel = (value: string | number) => {
    let code = codeOf.get(value);
    if (code === undefined) codeOf.set(value, code = levels.push(categoryOf(value)) - 1);
    return code;
  };
  return {
    levels,
    add(buffer) {
      const from = grown.extend(buffer.length);
      const { array } = grown;
      if (buffer.type !== "TEXT") {
        for (let i = 0; i < buffer.length; i++) {
          const value = numberAt(buffer, i);
          // Integers beyond 2^53 would not be told apart.
          if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
          array[from + i] = value === value ? codeOfLevel(value) : 0;
        }
        return true;
      }
      const textAt = createDecoder(buffer);
      // Rows of equal text may share its bytes: what begins where another did is known by its place.
      const codeOfPlace = new Map<number, number>();
      for (let i = 0; i < buffer.length; i++) {
        const start = buffer.spans[2 * i];
        const end = buffer.spans[2 * i + 1];
        if (buffer.nulls[i] === 1) array[from + i] = 0;
        else if (start === end) array[from + i] = codeOfLevel("");
        else {
          let code = codeOfPlace.get(start);
          if (code === undefined) codeOfPlace.set(start, code = codeOfLevel(textAt(i)));
          array[from + i] = code;
        }
      }
      return true;
    },
    ...owned(grown),
  };
}

/** Hashes of groups, as `hashOf` makes them. */
export function gatherGroups(): Words {
  const grown = growingWords();
  return {
    add(buffer) {
      if (buffer.nullCount > 0) return false;
      const from = grown.extend(buffer.length);
      const { array } = grown;
      if (buffer.type === "TEXT") {
        const textAt = createDecoder(buffer);
        for (let i = 0; i < buffer.length; i++) array[from + i] = hashOf(textAt(i));
        return true;
      }
      for (let i = 0; i < buffer.length; i++) {
        const value = numberAt(buffer, i);
        if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
        array[from + i] = hashOf(value);
      }
      return true;
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
      const { array } = grown;
      for (let i = 0; i < buffer.length; i++) {
        const value = numberAt(buffer, i);
        if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
        array[from + i] = value;
      }
      return true;
    },
    ...owned(grown),
  };
}

function owned<A extends Entries>(
  grown: Growing<A>,
): Pick<GatheredColumn<A>, "values" | "byteCount" | "release"> {
  return {
    values: () => grown.array.subarray(0, grown.length) as A,
    byteCount: () => grown.array.byteLength,
    release: grown.release,
  };
}

/** + 0: SQLite keeps no sign of a zero. */
function numberAt(buffer: Exclude<ColumnBuffer, TextBuffer>, row: number): number {
  if (buffer.nulls[row] === 1) return NaN;
  if (buffer.type === "REAL") return buffer.values[row] + 0;
  return buffer.words[2 * row + 1] * 2 ** 32 + (buffer.words[2 * row] >>> 0);
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Texts of a buffer's rows. Where all is ASCII it is decoded at once, and a text is a part of it. */
function createDecoder(buffer: TextBuffer): (row: number) => string {
  const { bytes, spans, isAscii, byteCount } = buffer;
  if (!isAscii) return (row) => decoder.decode(bytes.subarray(spans[2 * row], spans[2 * row + 1]));
  const text = decoder.decode(bytes.subarray(0, byteCount));
  return (row) => text.substring(spans[2 * row], spans[2 * row + 1]);
}
