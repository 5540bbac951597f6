import type { BasicType } from "hyparquet-writer";

/** One spelling of a category value in each format, and its level. */
export interface Spelled {
  /** null is missing. */
  readonly level: string | null;
  /** JSON text. */
  readonly json: string;
  /** CSV field before quoting; undefined if CSV has no such value. */
  readonly csv: string | undefined;
  /** Value of a parquet column. */
  readonly parquet: { readonly type: BasicType; readonly value: unknown };
  /** Tensor of one value. */
  readonly tensor: { readonly datatype: string; readonly bytes: readonly number[] };
}

/** By column: INTEGER, REAL, TEXT. */
export type SpelledRow = Readonly<Record<"i" | "r" | "t", Spelled>>;

const big = 2n ** 60n + 1n;

/** Levels of the columns in training. Others, such as 99, are unseen. */
export const levels = {
  i: [0n, 1n, 12n, -5n, big, big + 1n],
  r: [0, 1, 12, 0.5, -2.25, 2 ** 60],
  t: ["12", "012", "12.0", "1", "0", "true", "True", " 12", "NA", "NaN", "none", "0.5", "é", String(big)],
} as const;

const bytesOf = (array: ArrayBufferView) => [...new Uint8Array(array.buffer)];

function textOf(level: string | null, text: string): Spelled {
  const bytes = new TextEncoder().encode(text);
  return {
    level,
    json: JSON.stringify(text),
    csv: text,
    parquet: { type: "STRING", value: text },
    tensor: { datatype: "BYTES", bytes: [...bytesOf(Uint32Array.of(bytes.length)), ...bytes] },
  };
}

/** @param csv Whether CSV text of the same digits is the same level. */
function integer(level: string, json: string, value: bigint, csv: boolean): Spelled {
  const small = value >= -128n && value <= 127n;
  return {
    level,
    json,
    csv: csv ? json : undefined,
    parquet: { type: "INT64", value },
    tensor: small
      ? { datatype: "INT8", bytes: bytesOf(Int8Array.of(Number(value))) }
      : { datatype: "INT64", bytes: bytesOf(BigInt64Array.of(value)) },
  };
}

function real(level: string, json: string, value: number, csv: boolean): Spelled {
  const isSingle = Math.fround(value) === value;
  return {
    level,
    json,
    csv: csv ? json : undefined,
    parquet: { type: "DOUBLE", value },
    tensor: isSingle
      ? { datatype: "FP32", bytes: bytesOf(Float32Array.of(value)) }
      : { datatype: "FP64", bytes: bytesOf(Float64Array.of(value)) },
  };
}

function boolean(level: string, value: boolean): Spelled {
  return {
    level,
    json: String(value),
    csv: String(value),
    parquet: { type: "BOOLEAN", value },
    tensor: { datatype: "BOOL", bytes: [Number(value)] },
  };
}

const missing: Spelled = {
  level: null,
  json: "null",
  csv: "",
  parquet: { type: "DOUBLE", value: null },
  tensor: { datatype: "FP64", bytes: bytesOf(Float64Array.of(NaN)) },
};

function spelledBoolean(value: 0 | 1): Spelled[] {
  const words = value === 1 ? ["true", "True", "TRUE"] : ["false", "False", "FALSE"];
  return [boolean(String(value), value === 1), ...words.map((word) => textOf(String(value), word))];
}

function spelledInteger(value: bigint): Spelled[] {
  const level = String(value);
  const [sign, digits] = value < 0n ? ["-", level.slice(1)] : ["", level];
  const isSafe = Number.isSafeInteger(Number(value));
  return [
    ...[level, `${sign}00${digits}`, ` ${level} `, `${level}.0`, `${level}.`, `${level}e0`, `${level}00e-2`]
      .map((text) => textOf(level, text)),
    ...value < 0n ? [] : [textOf(level, `+${level}`)],
    integer(level, level, value, true),
    ...isSafe
      ? [`${level}.0`, `${level}e0`, value === 0n ? "0.00e-2" : `${level}00e-2`].map((json) =>
        real(level, json, Number(value), true)
      )
      : [],
    ...value === 0n || value === 1n ? spelledBoolean(value === 0n ? 0 : 1) : [],
    ...value === 0n ? [real(level, "-0.0", -0, true), textOf(level, "-0")] : [],
  ];
}

function spelledReal(value: number): Spelled[] {
  const level = Math.abs(value) >= 2 ** 53 ? value.toExponential() : String(value);
  const isInteger = Number.isInteger(value);
  const digits = isInteger ? String(BigInt(value)) : String(value);
  return [
    ...[
      digits,
      ` ${digits}`,
      value.toExponential(),
      digits.includes("e") ? digits.toUpperCase() : `${digits}${isInteger ? "." : ""}00`,
    ].map((text) => textOf(level, text)),
    ...[digits, value.toExponential()].map((json) => real(level, json, value, true)),
    ...isInteger ? [integer(level, digits, BigInt(value), true)] : [],
    ...value === 0 || value === 1 ? spelledBoolean(value) : [],
  ];
}

function spelledText(text: string): Spelled[] {
  const own = [textOf(text, text)];
  const number = Number(text);
  if (text === "true") return [...own, boolean(text, true)];
  if (/^\d{16,}$/.test(text)) return [...own, integer(text, text, BigInt(text), true)];
  if (String(number) !== text || !Number.isFinite(number)) return own;
  const inCsv = (json: string) => json === text;
  const literals = [text, `${number}${Number.isInteger(number) ? ".0" : "0"}`, `${number * 10}e-1`];
  return [
    ...own,
    ...literals.map((json) => real(text, json, number, inCsv(json))),
    ...Number.isInteger(number) ? [integer(text, text, BigInt(text), true)] : [],
  ];
}

/** All spellings of the levels, of missing values and of unseen levels. */
export const spellings: Readonly<Record<keyof SpelledRow, readonly Spelled[]>> = {
  i: [
    ...[...levels.i, 99n, -(2n ** 63n)].flatMap(spelledInteger),
    missing,
    textOf(null, "NaN"),
    textOf("x", "x"),
  ],
  r: [...[...levels.r, 99, 1e-7].flatMap(spelledReal), missing, textOf(null, " "), textOf("NA", "NA")],
  t: [
    ...[...levels.t, "99", "x", "+12", "1.2e1", "False", " "].flatMap(spelledText),
    missing,
    boolean("false", false),
  ],
};
