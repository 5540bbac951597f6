import { withPoint } from "../files/columns/checked_append.ts";
import { parseTime, timeOfInteger } from "../files/columns/field_value.ts";
import { implausibleTime } from "../files/columns/plausible_time.ts";
import { parseInteger, parseReal } from "../files/text/number_text.ts";
import type { ColumnKind } from "./column_profile.ts";
import type { ColumnValues } from "./column_values.ts";

/** What the texts of a column are, and the texts among them that mean no value. */
export interface TextKind {
  readonly kind: ColumnKind;
  readonly nulls: readonly string[];
  /** Whether its numbers have a decimal comma, or a point. */
  readonly hasComma: boolean;
  readonly hasPoint: boolean;
  /** Whether each comma of its numbers may separate thousands: they are texts unless it is a decimal comma. */
  readonly mayBeThousands: boolean;
}

const plainText: Omit<TextKind, "kind"> = {
  nulls: [],
  hasComma: false,
  hasPoint: false,
  mayBeThousands: false,
};

type Texts = ColumnValues & { readonly is: "texts" };

/** Texts that may mean no value, in any case. NaN always does in a column of numbers. */
export const marker = /^(?:#?n\/?a|null|none|nil|missing|unknown|\\n|[-.?])$/i;
/** A code that begins with 0, or a telephone number, is not a number. */
export const spelledLikeCode = /^[+-]?0\d|^\+/;
const longDigits = /^[+-]?\d{19,}$/;
const wholeDecimal = /^[+-]?\d+\.0*$/;
const microsPerDay = 86_400_000_000;
/** Texts whose share of the rows is higher are values, whatever they mean. */
const nullShareMax = 0.95;

/** Finds the kind of a column of texts: of numbers or times if all of them can be read as such. */
export function kindOfTexts(name: string, { texts, codes }: Texts): TextKind {
  const used = usedTexts(texts, codes);
  const isMarker = (text: string) => marker.test(text.trim());
  const nulls = used.filter(isMarker);
  const written = used.filter((text) => text.trim() !== "" && !isMarker(text));
  const plain = numberKindOf(name, written);
  const hasComma = plain === undefined && isCommaNumbers(written);
  const kind = plain ?? (hasComma ? "real" : "text");
  if (kind === "text" || shareOf(nulls, { texts, codes }) > nullShareMax) {
    return { ...plainText, kind: used.length === 0 ? "empty" : "text" };
  }
  return {
    kind,
    nulls: nulls.map((text) => text.trim()),
    hasComma,
    hasPoint: !hasComma && kind === "real",
    mayBeThousands: hasComma && written.every((text) => !text.includes(",") || thousands.test(text.trim())),
  };
}

const thousands = /^[+-]?[1-9]\d{0,2}(?:,\d{3})+$/;

function usedTexts(texts: readonly string[], codes: Int32Array): string[] {
  const isUsed = new Uint8Array(texts.length);
  for (const code of codes) if (code >= 0) isUsed[code] = 1;
  return texts.filter((_, code) => isUsed[code] === 1);
}

function shareOf(some: readonly string[], { texts, codes }: Pick<Texts, "texts" | "codes">): number {
  if (some.length === 0) return 0;
  const isCounted = texts.map((text) => some.includes(text));
  let count = 0;
  for (const code of codes) if (code >= 0 && isCounted[code]) count++;
  return count / codes.length;
}

/** @param texts Distinct texts. */
function numberKindOf(name: string, texts: readonly string[]): ColumnKind | undefined {
  if (texts.length === 0) return undefined;
  if (texts.every(isBoolean)) return "boolean";
  if (!texts.some((text) => spelledLikeCode.test(text.trim()) || isLongInteger(text.trim()))) {
    if (texts.every(isInteger)) return kindOfIntegers(name, texts.map(Number));
    if (texts.every(isReal)) return "real";
  }
  if (!texts.every(isTime)) return undefined;
  return texts.every((text) => Number(parseTime(text.trim())) % microsPerDay === 0) ? "date" : "time";
}

/** Names of columns of times. */
export const timeName = /time|date|stamp|when|_at$|_ts$|^ts$/i;

/**
 * Returns `date` for integers that are all dates like 20240131, `time` for microseconds since 1970 in a column with such a name:
 * an id may have as many digits.
 */
export function kindOfIntegers(name: string, distinct: readonly number[]): "date" | "time" | "integer" {
  if (distinct.length < distinctDatesMin) return "integer";
  if (distinct.every((value) => value < 1e8 && timeOfInteger(value) !== undefined)) return "date";
  const isTime = timeName.test(name) &&
    distinct.every((value) => value >= 1e8 && implausibleTime(value) === undefined);
  return isTime ? "time" : "integer";
}

/** Of fewer integers, each may look like a date by chance. */
const distinctDatesMin = 3;

/** Returns whether texts are numbers of which some have a comma, of any meaning. */
function isCommaNumbers(texts: readonly string[]): boolean {
  return texts.some((text) => text.includes(",")) && texts.every((text) => {
    const written = text.trim();
    return !spelledLikeCode.test(written) && (thousands.test(written) || isReal(withPoint(written)));
  });
}

function isBoolean(text: string): boolean {
  return /^\s*(true|false)\s*$/i.test(text);
}

function isInteger(text: string): boolean {
  if (isBoolean(text)) return false;
  // "12.0" is how programs write an integer next to missing values; "1e3" is a number.
  const written = text.trim();
  return parseInteger(written) !== undefined && (wholeDecimal.test(written) || !/[.e]/i.test(written));
}

/** Returns whether a text is an integer of more than 64 bits, as ids are: a real number would be another one. */
function isLongInteger(text: string): boolean {
  return longDigits.test(text) && parseInteger(text) === undefined;
}

function isReal(text: string): boolean {
  return !isBoolean(text) && parseReal(text) !== undefined;
}

function isTime(text: string): boolean {
  return parseTime(text.trim()) !== undefined;
}

/** Converts texts of a kind to numbers; a text that means no value, or is another, to NaN. */
export function numbersOfTexts(
  { texts, codes }: Texts,
  { kind, hasComma }: Pick<TextKind, "kind" | "hasComma">,
): ColumnValues {
  const valueOf = (text: string): number | bigint => {
    const written = hasComma ? withPoint(text.trim()) : text.trim();
    const value = kind === "time" || kind === "date" ? parseTime(written) : parseNumber(written, kind);
    return value ?? NaN;
  };
  const parsed = texts.map(valueOf);
  if (parsed.some((value) => typeof value === "bigint")) return { is: "texts", texts, codes };
  const numberOf = Float64Array.from(parsed, Number);
  return { is: "numbers", numbers: Float64Array.from(codes, (code) => code < 0 ? NaN : numberOf[code]) };
}

function parseNumber(text: string, kind: ColumnKind): number | bigint | undefined {
  return kind === "integer" ? parseInteger(text) : parseReal(text);
}
