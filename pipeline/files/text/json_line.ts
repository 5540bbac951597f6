import { isObject, parseJson } from "../../exact_json.ts";
import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  endOfString,
  openBrace,
  openBracket,
  quote,
} from "../../json_tokens.ts";
import { notUtf8 } from "../columns/utf8.ts";
import { encodingHint } from "./text_format.ts";

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
      const end = endOfString(text, i);
      last = text.slice(i, end);
      i = end - 1;
    } else if (code === openBrace || code === openBracket) depth++;
    else if (code === closeBrace || code === closeBracket) depth--;
    else if (code === colon && depth === 1) {
      const name = parseJson(last);
      if (typeof name !== "string" || seen.has(name)) return String(name);
      seen.add(name);
    } else if (code === comma && depth === 1) last = "";
  }
  return undefined;
}
