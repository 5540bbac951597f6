import { shortestText } from "../text/number_text.ts";
import { appendFault, appendNull, appendText, type ColumnBuffer } from "../columns/column_buffer.ts";
import { appendString } from "../columns/checked_append.ts";
import type { Append, Appending, RawValues } from "./encodings.ts";

/** Conversions to text: bytes stay unchanged, numbers become the shortest text that identifies them. */

export function bytesToText(raw: RawValues, buffer: ColumnBuffer): Append | undefined {
  if (raw.kind !== "bytes" || buffer.type !== "TEXT") return undefined;
  return (i) => appendText(buffer, raw.bytes, raw.starts[i], raw.ends[i]);
}

export function booleansToText(raw: RawValues, buffer: ColumnBuffer): Append | undefined {
  if (raw.kind !== "booleans" || buffer.type !== "TEXT") return undefined;
  return (i) => appendString(buffer, raw.values[i] === 1 ? "true" : "false");
}

/** 12 for 12.0; NaN means no value. */
export function realsToText(raw: RawValues, buffer: ColumnBuffer): Append | undefined {
  if (raw.kind !== "reals" || buffer.type !== "TEXT") return undefined;
  const { values } = raw;
  const textOf = values instanceof Float32Array
    ? (value: number) => narrowText(value, 9, Math.fround)
    : shortestText;
  return (i) => {
    const value = values[i];
    if (Number.isFinite(value)) appendString(buffer, textOf(value));
    else if (Number.isNaN(value)) appendNull(buffer);
    else appendFault(buffer, `${value} is not finite`, String(value));
  };
}

/**
 * Returns the fewest digits that identify a value of a type narrower than a double: 0.1 as a FLOAT is 0.1, not
 * 0.10000000149011612. Integers have all of their digits.
 *
 * @param round Rounds to the narrower type.
 */
export function narrowText(value: number, digitsMax: number, round: (value: number) => number): string {
  if (Number.isInteger(value)) return shortestText(value);
  for (let digits = 1; digits < digitsMax; digits++) {
    const short = halfToEven(value, digits);
    if (round(short) === value) return String(short);
  }
  return String(halfToEven(value, digitsMax));
}

/** Of two equally near texts, other programs write the one that ends in an even digit. */
function halfToEven(value: number, digits: number): number {
  const rounded = value.toExponential(digits - 1);
  const [mantissa, exponent] = value.toExponential(digits).split("e");
  const cut = mantissa.slice(0, -1);
  const mayTie = mantissa.endsWith("5") && /[02468]\.?$/.test(cut);
  return mayTie && value === Number(`${mantissa}e${exponent}`)
    ? Number(`${cut}e${exponent}`)
    : Number(rounded);
}

/** Number of digits that a double always holds. */
const doubleDigits = 15;

/**
 * Returns the text of a decimal with all digits: "1.5" for 1.50, "12" for 12.00. A fraction that a double can represent is written
 * like a double, so that equal numbers of any type have equal texts.
 */
export function decimalText(unscaled: number | bigint, scale: number): string {
  const sign = unscaled < 0 ? "-" : "";
  const digits = String(unscaled).slice(sign.length).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, "");
  if (fraction === "") return unscaled === 0 || unscaled === 0n ? "0" : `${sign}${whole}`;
  const text = `${sign}${whole}.${fraction}`;
  const significant = `${whole}${fraction}`.replace(/^0+/, "").length;
  return significant <= doubleDigits ? String(Number(text)) : text;
}

export function uuidsToText(raw: RawValues, buffer: ColumnBuffer): Append | undefined {
  if (raw.kind !== "bytes" || buffer.type !== "TEXT") return undefined;
  return (i) => {
    const hex = raw.bytes.subarray(raw.starts[i], raw.ends[i]).toHex();
    appendString(buffer, hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"));
  };
}

/** Appends the fault of a value in a column of the type null. */
export const nothing: Appending = (_, buffer) => () =>
  appendFault(buffer, "a value in a column of type null, which has none");
