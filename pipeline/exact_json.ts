/**
 * JSON whose integers are exact: one that a double does not hold exactly is a bigint. Only a text that has one is parsed more
 * slowly.
 */

/** A longer one is a double, as every other number. */
const digitsMax = 40;

/** @throws {SyntaxError} */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return hasLongInteger(text) ? JSON.parse(text, exactInteger) : value;
}

function exactInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || Number.isSafeInteger(value) || source === undefined) return value;
  return source.length <= digitsMax && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

const [zero, nine, quote, point, upperE, lowerE] = [0x30, 0x39, 0x22, 0x2e, 0x45, 0x65];
const runLengthMin = 16;
const largestExact = String(Number.MAX_SAFE_INTEGER);

/**
 * Whether a JSON text may have an integer beyond 2^53. Sixteen digits in a row have one of them at a place that is divided by
 * sixteen: no other character is looked at.
 */
export function hasLongInteger(text: string): boolean {
  for (let i = runLengthMin - 1; i < text.length; i += runLengthMin) {
    if (!isDigitAt(text, i)) continue;
    let from = i;
    let to = i + 1;
    while (isDigitAt(text, from - 1)) from--;
    while (isDigitAt(text, to)) to++;
    if (isLong(text, from, to)) return true;
    // Behind the run, so that each of its digits is looked at once.
    i = to - 1;
  }
  return false;
}

function isDigitAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= zero && code <= nine;
}

function isLong(text: string, from: number, to: number): boolean {
  if (to - from < runLengthMin) return false;
  if (to - from === runLengthMin && text.slice(from, to) <= largestExact) return false;
  const [before, behind] = [text.charCodeAt(from - 1), text.charCodeAt(to)];
  // Digits of a fraction, a number with one or with an exponent, a text of digits alone.
  return before !== point && behind !== point && behind !== upperE && behind !== lowerE &&
    !(before === quote && behind === quote);
}

/** JSON of a value that was parsed as above: its bigints are written as the numbers that they were. */
export function jsonText(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`).join(",")}}`;
}
