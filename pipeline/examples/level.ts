import { isBeyondExact, parseInteger, parseReal, shortestText } from "../files/text/number_text.ts";

/**
 * Types of a categorical column's values in training, by which a spelling is read. A column of numbers and texts has the type
 * of its numbers.
 */
export const valueTypes = ["integer", "real", "text"] as const;
export type ValueType = typeof valueTypes[number];

/** A category as a protocol adapter receives it. An integer that a double does not represent exactly is a bigint. */
export type CategoryValue = string | number | bigint | boolean | null;

export function isCategoryValue(value: unknown): value is CategoryValue {
  return value === null || typeof value === "string" || typeof value === "boolean" ||
    typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value));
}

/**
 * Returns the level of a value: the one rule of training and of every protocol adapter.
 *
 * In a column of numbers, a text that spells a number is that number (12, 12.0, "12", "012", " 12", "+12" and "1.2e1" are one
 * level), true is 1 and false is 0, in any spelling; a blank text and "NaN" are missing; any other text is a level unchanged. In a
 * column of texts, a text is itself ("012" is not "12"), a number its shortest text and a boolean "true" or "false".
 *
 * @param type undefined for a model of a version that did not record it: then only 12 and "12", true and "true" are one level.
 * @returns null for a missing value; undefined for a number beyond 2^53 in a column of integers or texts, where a double
 *   represents several integers.
 */
export function levelOf(type: ValueType | undefined, value: CategoryValue): string | null | undefined {
  if (type === undefined) return categoryOf(value);
  switch (typeof value) {
    case "string":
      return type === "text" ? value : levelOfText(type, value);
    case "boolean":
      return type === "text" ? String(value) : value ? "1" : "0";
    case "bigint":
      return type === "real" ? levelOfReal(value) : String(value);
    case "number":
      if (Number.isNaN(value)) return null;
      return type !== "real" && isBeyondExact(value) ? undefined : shortestText(value);
    default:
      return null;
  }
}

function levelOfText(type: "integer" | "real", text: string): string | null {
  if (text.trim() === "") return null;
  const whole = type === "integer" ? parseInteger(text) : undefined;
  if (typeof whole === "bigint") return String(whole);
  const value = whole ?? parseReal(text);
  if (value === undefined) return text;
  if (Number.isNaN(value)) return null;
  // A column of integers has no number that is whole only after rounding to a double (9007199254740991.4, 1e300).
  const isRounded = type === "integer" && whole === undefined && Number.isInteger(value);
  return isRounded ? text : shortestText(value);
}

function levelOfReal(value: bigint): string {
  const real = Number(value);
  return Number.isFinite(real) ? shortestText(real) : String(value);
}

/** Returns the level of a table's value, before the column's type is known: see {@link valueTypeOf}. */
export function tableLevelOf(value: string | number | bigint): string {
  return typeof value === "number" ? shortestText(value) : String(value);
}

/** Kinds of a column's values, as bits. */
export const hasNumbers = 1;
export const hasTexts = 2;

/** Returns the bit of a value's kind. */
export function kindBitOf(value: string | number | bigint): number {
  return typeof value === "string" ? hasTexts : hasNumbers;
}

const plainInteger = /^-?\d+$/;

/**
 * Derives the type of a column from its values.
 *
 * @param kinds Bits of the values that the column has.
 * @param levels Their levels, as `tableLevelOf` returns them; null for missing.
 */
export function valueTypeOf(kinds: number, levels: Iterable<string | null>): ValueType {
  if ((kinds & hasNumbers) === 0) return "text";
  let isReal = false;
  for (const level of levels) {
    if (level === null) continue;
    const value = parseReal(level);
    if (value === undefined || Number.isNaN(value) || Number.isSafeInteger(value)) continue;
    // An integer beyond 2^53 is exact only in a column of integers.
    if (plainInteger.test(level)) return "integer";
    isReal = true;
  }
  return isReal ? "real" : "integer";
}

/**
 * Returns a function that maps a column's levels once its type is known: a text among numbers may be a spelling of one of them.
 *
 * @param kinds Bits of the values that the column has.
 */
export function levelFolding(type: ValueType, kinds: number): (level: string | null) => string | null {
  if (type === "text") return (level) => level;
  const fold = (level: string | null) => levelOf(type, level) ?? null;
  // A number is already spelled as its level.
  return kinds === hasNumbers
    ? (level) => level !== null && plainInteger.test(level) ? level : fold(level)
    : fold;
}

/** Returns the level for models that do not record a type: 12, 12.0, 12n and "12" are "12". Null and NaN are missing. */
export function categoryOf(value: CategoryValue): string | null {
  if (value === null || value !== value) return null;
  // -0 is 0.
  return typeof value === "number" && value === 0 ? "0" : String(value);
}
