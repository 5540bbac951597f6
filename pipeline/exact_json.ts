/**
 * JSON with exact integers: an integer that a double cannot hold exactly is a bigint. Only texts with such an integer are
 * parsed more slowly.
 */

/** Maximum length of an exact integer; a longer one is a double, as every other number. */
const digitsMax = 40;

/** Returns an object's own member: a name may also be one that every object inherits, such as `constructor`. */
export function memberOf<T>(object: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Returns whether a JSON value is an object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws {SyntaxError} */
export function parseJson(text: string): unknown {
  return exactJson(text, JSON.parse(text));
}

/** Returns `parsed`, which is `JSON.parse(text)`, with exact integers. */
export function exactJson(text: string, parsed: unknown): unknown {
  return hasLongInteger(text) ? JSON.parse(text, exactInteger) : parsed;
}

function exactInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || Number.isSafeInteger(value) || source === undefined) return value;
  return source.length <= digitsMax && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

const [zero, nine, quote, point, upperE, lowerE] = [0x30, 0x39, 0x22, 0x2e, 0x45, 0x65];
const digitCountMin = 16;
const largestExact = String(Number.MAX_SAFE_INTEGER);

/**
 * Whether a JSON text may have an integer beyond 2^53. Sixteen consecutive digits include one at every sixteenth position,
 * so only every sixteenth character is examined.
 */
export function hasLongInteger(text: string): boolean {
  for (let i = digitCountMin - 1; i < text.length; i += digitCountMin) {
    if (!isDigitAt(text, i)) continue;
    let from = i;
    let to = i + 1;
    while (isDigitAt(text, from - 1)) from--;
    while (isDigitAt(text, to)) to++;
    if (isLong(text, from, to)) return true;
    // Continue after these digits, so that each is examined once.
    i = to - 1;
  }
  return false;
}

function isDigitAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= zero && code <= nine;
}

function isLong(text: string, from: number, to: number): boolean {
  if (to - from < digitCountMin) return false;
  if (to - from === digitCountMin && text.slice(from, to) <= largestExact) return false;
  const [before, after] = [text.charCodeAt(from - 1), text.charCodeAt(to)];
  // Digits of a fraction, a number with a fraction or an exponent, or a string of digits.
  return before !== point && after !== point && after !== upperE && after !== lowerE &&
    !(before === quote && after === quote);
}

/** Serialises a value of `parseJson`; bigints are written as numbers. */
export function jsonText(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`).join(",")}}`;
}
