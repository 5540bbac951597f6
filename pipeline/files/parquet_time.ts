import { appendFault, appendWords, type ColumnBuffer, type IntegerBuffer } from "./column_buffer.ts";
import { appendExact } from "./checked_append.ts";
import type { TimeUnit } from "./parquet_meaning.ts";
import type { Append, Appending, RawValues } from "./parquet_raw.ts";
import { parseTime } from "./value_text.ts";

/** Days from the first day of the Julian period to 1970-01-01. */
const julianEpochDay = 2_440_588;
const microsPerDay = 86_400_000_000;

/** Times become microseconds; what is finer is cut off, towards the past. */
export function times(unit: TimeUnit): Appending {
  return (raw, buffer) => {
    if (buffer.type !== "INTEGER") return undefined;
    if (unit === "INT96") return raw.kind === "bytes" ? int96Times(raw, buffer) : undefined;
    if (raw.kind !== "integers") return undefined;
    const { words } = raw;
    if (unit === "MICROS") return (i) => appendWords(buffer, words[2 * i], words[2 * i + 1]);
    if (unit === "DAYS") return (i) => appendExact(buffer, BigInt(words[2 * i]) * BigInt(microsPerDay));
    const exact = new BigInt64Array(words.buffer);
    if (unit === "MILLIS") return (i) => appendExact(buffer, exact[i] * 1000n);
    return (i) => appendExact(buffer, (exact[i] - modulo(exact[i], 1000n)) / 1000n);
  };
}

/** Eight bytes of nanoseconds in the day, four of the Julian day. */
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

export function textToTimes(raw: RawValues, buffer: ColumnBuffer): Append | undefined {
  if (raw.kind !== "bytes" || buffer.type !== "INTEGER") return undefined;
  return (i) => {
    const text = decoder.decode(raw.bytes.subarray(raw.starts[i], Math.min(raw.ends[i], raw.starts[i] + 64)));
    const time = parseTime(text);
    if (time === undefined) appendFault(buffer, `${JSON.stringify(text)} is not a time: expected ISO 8601`);
    else appendExact(buffer, time);
  };
}
