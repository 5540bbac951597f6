import { parseJson } from "../../exact_json.ts";
import { notUtf8 } from "../columns/utf8.ts";
import { encodingHint } from "./text_format.ts";
import { isObject } from "../../exact_json.ts";

/** The object of a line. Integers that a double cannot represent exactly are bigints. */
export type JsonRow = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder("utf-8", { fatal: true });
const lossyDecoder = new TextDecoder();

/**
 * Parses the object of a line. `NaN`, `Infinity` and `-Infinity`, as Python writes them, mean no value, like null.
 *
 * @returns The reason if the line is not an object or has a duplicate field.
 */
export function parseRow(line: Uint8Array): JsonRow | string {
  let text: string;
  try {
    text = decoder.decode(line);
  } catch {
    return `the line is ${notUtf8}. ${encodingHint}`;
  }
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    try {
      value = parseJson(withoutNaN(text));
    } catch {
      return `the line is not valid JSON${reasonOf(error)}`;
    }
  }
  if (!isObject(value)) return "the line is not a JSON object";
  if (countMembers(line) === Object.keys(value).length) return value;
  const repeated = repeatedMember(text);
  return `the line has the field ${JSON.stringify(repeated ?? "")} twice, expected once`;
}

/** Returns the text of a line for messages. */
export function shownLine(line: Uint8Array): string {
  return lossyDecoder.decode(line);
}

function withoutNaN(text: string): string {
  return text.replace(
    /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g,
    (token) => token.startsWith('"') ? token : "null",
  );
}

/** Returns the message of the parser without its position. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return `: ${error.message.replace(/ \(line \d+ column \d+\)$/, "")}`;
}

const [quote, backslash, colon, comma] = [0x22, 0x5c, 0x3a, 0x2c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Counts the members of the outermost object of valid JSON, duplicates included. */
function countMembers(line: Uint8Array): number {
  let count = 0;
  let depth = 0;
  for (let i = 0; i < line.length; i++) {
    const byte = line[i];
    if (byte === quote) {
      for (i++; i < line.length && line[i] !== quote; i++) if (line[i] === backslash) i++;
    } else if (byte === colon) { if (depth === 1) count++; }
    else if (byte === openBrace || byte === openBracket) depth++;
    else if (byte === closeBrace || byte === closeBracket) depth--;
  }
  return count;
}

/** Finds the first duplicate member of an object of valid JSON. */
function repeatedMember(text: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let last = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === quote) {
      const close = closingQuote(text, i);
      last = text.slice(i, close + 1);
      i = close;
    } else if (code === openBrace || code === openBracket) depth++;
    else if (code === closeBrace || code === closeBracket) depth--;
    else if (code === colon && depth === 1) {
      const name: unknown = JSON.parse(last);
      if (typeof name !== "string" || seen.has(name)) return String(name);
      seen.add(name);
    } else if (code === comma && depth === 1) last = "";
  }
  return undefined;
}

function closingQuote(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (close > 0 && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close < 0 ? text.length : close;
}

/** Returns whether an odd number of backslashes precedes it. */
function isEscaped(text: string, at: number): boolean {
  let from = at;
  while (text.charCodeAt(from - 1) === backslash) from--;
  return (at - from) % 2 === 1;
}
