import {
  closeBrace,
  closeBracket,
  colon,
  comma,
  endOfString,
  openBrace,
  openBracket,
  quote,
  skipSpace,
} from "./json_tokens.ts";

/**
 * JSON as it is written: an integer that a double cannot hold exactly is a bigint, and names with escapes are what they say.
 *
 * `JSON.parse` of V8 12.8 to 15.0 takes the name `"a\n"` for `a\` if it has seen an object with that name: it compares the characters
 * before the escape is decoded (https://github.com/nodejs/node/issues/63785). So texts with long integers, and those in which a name with
 * a backslash was found, are read token by token, and `JSON.parse` is not used elsewhere.
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
  const parsed: unknown = JSON.parse(text);
  return hasLongInteger(text) || mayHaveWrongName(text, parsed) ? readTokens(text, exactNumber) : parsed;
}

/**
 * Parses JSON whose numbers are doubles, as that of the program's own files and of settings.
 *
 * @throws {SyntaxError}
 */
// deno-lint-ignore no-explicit-any -- as `JSON.parse`
export function parseJsonOfDoubles(text: string): any {
  const parsed: unknown = JSON.parse(text);
  return mayHaveWrongName(text, parsed) ? readTokens(text, Number) : parsed;
}

/**
 * A wrong name is the start of the written one, up to an escape at least, and so has a backslash.
 *
 * @param parsed `JSON.parse(text)`.
 */
function mayHaveWrongName(text: string, parsed: unknown): boolean {
  return text.includes("\\") && hasBackslashName(parsed);
}

function exactNumber(digits: string): number | bigint {
  const value = Number(digits);
  if (Number.isSafeInteger(value) || digits.length > digitsMax || !/^-?\d+$/.test(digits)) return value;
  return BigInt(digits);
}

/** A list or an object that is being read. */
interface Holder {
  readonly values: unknown[] | Record<string, unknown>;
  /** Of an object's next value. */
  name: string;
}

const words: Readonly<Record<string, unknown>> = { __proto__: null, null: null, true: true, false: false };
/** A number or a word. */
const scalar = /[^\s,\]}]+/y;

/** Reads a valid JSON text. Lists and objects may be nested to any depth. */
function readTokens(text: string, numberOf: (digits: string) => unknown): unknown {
  const root: unknown[] = [];
  const open: Holder[] = [{ values: root, name: "" }];
  for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, at)) {
    const code = text.charCodeAt(at);
    const last = open[open.length - 1];
    if (code === comma || code === colon) at++;
    else if (code === closeBracket || code === closeBrace) {
      open.pop();
      at++;
    } else if (code === openBracket || code === openBrace) {
      const values = code === openBracket ? [] : {};
      put(last, values);
      open.push({ values, name: "" });
      at++;
    } else if (code === quote) {
      const end = endOfString(text, at);
      const value = String(JSON.parse(text.slice(at, end)));
      if (!Array.isArray(last.values) && text.charCodeAt(skipSpace(text, end)) === colon) last.name = value;
      else put(last, value);
      at = end;
    } else {
      scalar.lastIndex = at;
      const token = scalar.exec(text)?.[0] ?? "";
      put(last, token in words ? words[token] : numberOf(token));
      at += token.length;
    }
  }
  return root[0];
}

function put({ values, name }: Holder, value: unknown): void {
  if (Array.isArray(values)) values.push(value);
  // As in JSON.parse, `__proto__` becomes an ordinary member.
  else Object.defineProperty(values, name, { value, writable: true, enumerable: true, configurable: true });
}

/** Whether an object in a JSON value has a name with a backslash. */
function hasBackslashName(value: unknown): boolean {
  const rest = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next !== "object" || next === null) continue;
    const isList = Array.isArray(next);
    if (!isList && Object.keys(next).some((name) => name.includes("\\"))) return true;
    for (const inner of isList ? next : Object.values(next)) if (typeof inner === "object") rest.push(inner);
  }
  return false;
}

const [zero, nine, point, upperE, lowerE] = [0x30, 0x39, 0x2e, 0x45, 0x65];
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
