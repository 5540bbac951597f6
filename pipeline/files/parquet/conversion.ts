import type { SchemaElement } from "hyparquet";
import { appendExact, appendFinite, appendString, appendWhole } from "../columns/checked_append.ts";
import {
  appendAllWords,
  appendFault,
  appendInteger,
  appendNull,
  appendReal,
  appendWords,
  type ColumnBuffer,
  type IntegerBuffer,
  type RealBuffer,
} from "../columns/column_buffer.ts";
import { describeType, type Meaning, meaningOf } from "./column_meaning.ts";
import { type Append, type Appending, integerOf, type RawValues } from "./encodings.ts";
import {
  booleansToText,
  bytesToText,
  decimalText,
  narrowText,
  nothing,
  realsToText,
  uuidsToText,
} from "./text_values.ts";
import { integersToTimes, realsToTimes, textToTimes, times } from "./timestamps.ts";
import type { TableColumn } from "../../store/table.ts";

/** Returns a function that appends the values of a page to a buffer of the table's column. */
export type Conversion = (raw: RawValues, buffer: ColumnBuffer) => Append;

/**
 * Returns the conversion of values of a file's column to those of a table's column.
 *
 * @returns undefined if the types are incompatible.
 */
export function conversionOf(element: SchemaElement, column: TableColumn): Conversion | undefined {
  const appending = appendingOf(meaningOf(element), column);
  return appending && ((raw, buffer) => {
    const append = appending(raw, buffer);
    if (!append) throw new Error(`${raw.kind} in a column of ${describeType(element)}`);
    return append;
  });
}

function appendingOf(meaning: Meaning, column: TableColumn): Appending | undefined {
  switch (meaning.is) {
    case "nothing":
      return nothing;
    case "boolean":
      return column.type === "TEXT" ? booleansToText : column.isTime ? undefined : fromBooleans;
    case "real":
      if (column.isTime) return realsToTimes;
      return { INTEGER: realsToIntegers, REAL: realsToReals, TEXT: realsToText }[column.type];
    case "half":
      return column.isTime ? undefined : halves;
    case "integer":
      return column.isTime
        ? integersToTimes(meaning.unsignedBits)
        : integersTo(column.type, meaning.unsignedBits);
    case "decimal":
      return column.isTime ? undefined : decimals(meaning.scale);
    case "time":
      return column.isTime ? times(meaning.unit) : undefined;
    case "text":
      return column.type === "TEXT" ? bytesToText : column.isTime ? textToTimes : undefined;
    case "uuid":
      return column.type === "TEXT" ? uuidsToText : undefined;
    case "unknown":
      return undefined;
  }
}

function fromBooleans(raw: RawValues, buffer: ColumnBuffer): Append | undefined {
  if (raw.kind !== "booleans") return undefined;
  if (buffer.type === "INTEGER") return (i) => appendInteger(buffer, raw.values[i]);
  if (buffer.type === "REAL") return (i) => appendReal(buffer, raw.values[i]);
  return undefined;
}

function realsToIntegers(raw: RawValues, buffer: ColumnBuffer): Append | undefined {
  if (raw.kind !== "reals" || buffer.type !== "INTEGER") return undefined;
  return (i) => appendWhole(buffer, raw.values[i]);
}

function realsToReals(raw: RawValues, buffer: ColumnBuffer): Append | undefined {
  if (raw.kind !== "reals" || buffer.type !== "REAL") return undefined;
  return (i) => appendFinite(buffer, raw.values[i]);
}

function halves(raw: RawValues, buffer: ColumnBuffer): Append | undefined {
  if (raw.kind !== "bytes") return undefined;
  const append = appendingHalf(buffer);
  const view = new DataView(raw.bytes.buffer, raw.bytes.byteOffset, raw.bytes.byteLength);
  return (i) => append(view.getFloat16(raw.starts[i], true));
}

function appendingHalf(buffer: ColumnBuffer): (value: number) => void {
  switch (buffer.type) {
    case "INTEGER":
      return (value) => appendWhole(buffer, value);
    case "REAL":
      return (value) => appendFinite(buffer, value);
    case "TEXT":
      return (value) => {
        if (Number.isFinite(value)) appendString(buffer, narrowText(value, 5, Math.f16round));
        else if (Number.isNaN(value)) appendNull(buffer);
        else appendFault(buffer, `${value} is not finite`, String(value));
      };
  }
}

function integersTo(type: ColumnBuffer["type"], unsignedBits: 0 | 32 | 64): Appending {
  return (raw, buffer) => {
    if (raw.kind !== "integers" || buffer.type !== type) return undefined;
    const { words } = raw;
    // 32 unsigned bits were sign-extended: the high word is not part of the value.
    const high = unsignedBits === 32 ? () => 0 : (i: number) => words[2 * i + 1];
    const valueOf = (i: number) => integerOf(words[2 * i], high(i), unsignedBits === 64);
    switch (buffer.type) {
      case "INTEGER":
        if (unsignedBits === 0) return wordsAppender(buffer, words);
        return (i) => appendExact(buffer, valueOf(i));
      case "REAL":
        return (i) => appendExactReal(buffer, valueOf(i));
      case "TEXT":
        return (i) => appendString(buffer, String(valueOf(i)));
    }
  };
}

function wordsAppender(buffer: IntegerBuffer, words: Int32Array): Append {
  return Object.assign((i: number) => appendWords(buffer, words[2 * i], words[2 * i + 1]), {
    range: (first: number, count: number) =>
      appendAllWords(buffer, words.subarray(2 * first, 2 * (first + count))),
  });
}

function appendExactReal(buffer: RealBuffer, value: number | bigint): void {
  if (typeof value === "number") appendReal(buffer, value);
  else appendFault(buffer, `${value} is an integer beyond 2^53, which REAL cannot represent exactly`, value);
}

/** A decimal: an unscaled integer and its scale, a power of ten. */
function decimals(scale: number): Appending {
  const factor = 10n ** BigInt(Math.max(0, scale));
  const toReal = (unscaled: number | bigint) =>
    typeof unscaled === "number" && scale <= 22 ? unscaled / 10 ** scale : Number(`${unscaled}e${-scale}`);
  return (raw, buffer) => {
    const unscaledAt = unscaledOf(raw);
    if (!unscaledAt) return undefined;
    if (buffer.type === "REAL") return (i) => appendFinite(buffer, toReal(unscaledAt(i)));
    if (buffer.type === "TEXT") return (i) => appendString(buffer, decimalText(unscaledAt(i), scale));
    return (i) => {
      const unscaled = BigInt(unscaledAt(i));
      if (unscaled % factor === 0n) appendExact(buffer, unscaled / factor);
      else appendFault(buffer, `${toReal(unscaled)} is not an integer`, toReal(unscaled));
    };
  };
}

function unscaledOf(raw: RawValues): ((index: number) => number | bigint) | undefined {
  if (raw.kind === "integers") return (i) => integerOf(raw.words[2 * i], raw.words[2 * i + 1], false);
  if (raw.kind !== "bytes") return undefined;
  return (i) => {
    let value = 0n;
    for (let k = raw.starts[i]; k < raw.ends[i]; k++) value = (value << 8n) | BigInt(raw.bytes[k]);
    return BigInt.asIntN(8 * (raw.ends[i] - raw.starts[i]), value);
  };
}
