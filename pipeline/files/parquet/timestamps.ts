import { appendFault, appendWords, type ColumnBuffer, type IntegerBuffer } from "../columns/column_buffer.ts";
import { appendExact, appendTime, appendWhole } from "../columns/checked_append.ts";
import type { TimeUnit } from "./column_meaning.ts";
import { type Append, type Appending, integerOf, type RawValues } from "./encodings.ts";
import { parseTime } from "../columns/field_value.ts";

/** Days from the first day of the Julian period to 1970-01-01. */
const julianEpochDay = 2_440_588;
const microsPerDay = 86_400_000_000;

/** Times become microseconds; finer units are rounded down. */
export function times(unit: TimeUnit): Appending {
  return (raw, buffer) => {
    if (buffer.type !== "INTEGER") return undefined;
    if (unit === "INT96") return raw.kind === "bytes" ? int96Times(raw, buffer) : undefined;
    if (raw.kind !== "integers") return undefined;
    const { words } = raw;
    if (unit === "MICROS") return (i) => appendWords(buffer, words[2 * i], words[2 * i + 1]);
    if (unit === "DAYS") return (i) => appendExact(buffer, BigInt(words[2 * i]) * BigInt(microsPerDay));
    const exact = new BigInt64Array(words.buffer, words.byteOffset, words.length / 2);
    if (unit === "MILLIS") return (i) => appendExact(buffer, exact[i] * 1000n);
    return (i) => appendExact(buffer, (exact[i] - modulo(exact[i], 1000n)) / 1000n);
  };
}

/** Reads integers without a unit as microseconds, if plausible. */
export function integersToTimes(unsignedBits: 0 | 32 | 64): Appending {
  return (raw, buffer) => {
    if (raw.kind !== "integers" || buffer.type !== "INTEGER") return undefined;
    const { words } = raw;
    return (i) => {
      const [low, high] = [words[2 * i], unsignedBits === 32 ? 0 : words[2 * i + 1]];
      appendTime(buffer, integerOf(low, high, unsignedBits === 64));
    };
  };
}

export function realsToTimes(raw: RawValues, buffer: ColumnBuffer): Append | undefined {
  if (raw.kind !== "reals" || buffer.type !== "INTEGER") return undefined;
  return (i) =>
    Number.isSafeInteger(raw.values[i])
      ? appendTime(buffer, raw.values[i])
      : appendWhole(buffer, raw.values[i]);
}

/** INT96: eight bytes of nanoseconds in the day, four of the Julian day. */
function int96Times(raw: RawValues & { kind: "bytes" }, buffer: IntegerBuffer): Append {
  const view = new DataView(raw.bytes.buffer, raw.bytes.byteOffset, raw.bytes.byteLength);
  return (i) => {
    const nanos = view.getBigInt64(raw.starts[i], true);
    const day = view.getInt32(raw.starts[i] + 8, true) - julianEpochDay;
    appendExact(buffer, BigInt(day) * BigInt(microsPerDay) + (nanos - modulo(nanos, 1000n)) / 1000n);
  };
}

function modulo(value: bigint, divisor: bigint): bigint {
  return ((value % divisor) + divisor) % divisor;
}

const decoder = new TextDecoder();
const timeBytesMax = 64;

export function textToTimes(raw: RawValues, buffer: ColumnBuffer): Append | undefined {
  if (raw.kind !== "bytes" || buffer.type !== "INTEGER") return undefined;
  return (i) => {
    // A longer text is not a time.
    const text = decoder.decode(
      raw.bytes.subarray(raw.starts[i], Math.min(raw.ends[i], raw.starts[i] + timeBytesMax)),
    );
    const isWhole = raw.ends[i] - raw.starts[i] <= timeBytesMax;
    const time = isWhole ? parseTime(text) : undefined;
    if (time === undefined) {
      appendFault(buffer, `${JSON.stringify(text)} is not a time: expected ISO 8601`, text);
    } else appendExact(buffer, time);
  };
}
