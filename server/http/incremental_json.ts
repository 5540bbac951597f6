import { Failure } from "../../pipeline/failure.ts";
import { noteParsed, startSlices } from "../runtime/time_slices.ts";

/** Characters that are parsed, or looked through, at once. */
const pieceLengthDefault = 64 * 1024;

/** What a long text may hold, and how it is parsed. No body that is taken has more. */
export interface JsonBounds {
  /** Parses a piece: a JSON text of its own, of a part of a list's or an object's members. */
  readonly parse: (text: string) => unknown;
  /** Entries of a list or an object of the first levels, where rows and columns are. */
  readonly rowsMax: number;
  /** Lists and objects: each takes many times its length in memory. */
  readonly containersMax: number;
  /** Values of any kind. */
  readonly valuesMax: number;
  /** For tests. */
  readonly pieceLength?: number;
}

/** In the levels down to this one, entries are rows or values of a column. */
const rowsDepthMax = 3;
/** A field's value is never more than a list in a list; what is passed over may go this deep. */
const depthMax = 32;

/**
 * Parses a long JSON text in pieces, so that other requests have their turn between them, and counts before it parses.
 *
 * @throws {Failure} `body-oversized`
 * @throws {SyntaxError} with a place in the whole text.
 */
export async function parseJsonInTurns(text: string, bounds: JsonBounds): Promise<unknown> {
  const { parse, pieceLength = pieceLengthDefault } = bounds;
  noteParsed(text.length);
  const shallow = await bounded(text, bounds);
  const work: Work = { text: shallow, parse, pieceLength, pause: startSlices() };
  return await parseRange(work, skipSpace(shallow, 0), shallow.length);
}

interface Work {
  readonly text: string;
  readonly parse: JsonBounds["parse"];
  readonly pieceLength: number;
  readonly pause: () => Promise<void> | undefined;
}

/**
 * Counts objects and lists before any value is made, and leaves out what lies deeper than any value that is taken: an empty list
 * stands in its place, which is as wrong there.
 *
 * @throws {Failure} `body-oversized`
 */
async function bounded(text: string, { rowsMax, containersMax, valuesMax }: JsonBounds): Promise<string> {
  const pause = startSlices();
  let shallow = "";
  let keptFrom = 0;
  let cutFrom = 0;
  let depth = 0;
  let containers = 0;
  let commas = 0;
  /** Commas by depth, of the list or object that is open there. */
  const ofRows = new Float64Array(rowsDepthMax + 1);
  for (let at = 0; at < text.length;) {
    const end = Math.min(at + pieceLengthDefault, text.length);
    for (; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code === quote) at = endOfString(text, at) - 1;
      else if (code === comma) {
        commas++;
        if (depth <= rowsDepthMax && ++ofRows[Math.max(depth, 0)] >= rowsMax) throw tooMany(rowsMax, "rows");
      } else if (code === openBrace || code === openBracket) {
        containers++;
        if (++depth <= rowsDepthMax) ofRows[Math.max(depth, 0)] = 0;
        else if (depth === depthMax + 1) cutFrom = at;
      } else if (code === closeBrace || code === closeBracket) {
        if (depth-- !== depthMax + 1) continue;
        shallow += `${text.slice(keptFrom, cutFrom)}[]`;
        keptFrom = at + 1;
      }
    }
    if (containers > containersMax) throw tooMany(containersMax, "lists and objects");
    if (commas > valuesMax) throw tooMany(valuesMax, "values");
    await pause();
  }
  if (depth !== 0) throw malformedAt(text.length);
  return keptFrom === 0 ? text : shallow + text.slice(keptFrom);
}

function tooMany(max: number, what: string): Failure {
  return new Failure(
    "body-oversized",
    `The body has more than ${
      max.toLocaleString("en")
    } ${what}, the most that are taken here. Send less at a time.`,
  );
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/** @param at Of the opening quote. @returns The place behind the closing one; the end of the text where there is none. */
function endOfString(text: string, at: number): number {
  for (let from = at + 1;;) {
    const end = text.indexOf('"', from);
    if (end < 0) return text.length;
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end + 1;
    from = end + 1;
  }
}

function skipSpace(text: string, at: number): number {
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Parses `text` from `start`, where a value begins, up to `end`, before which it may be followed by space alone. */
async function parseRange(work: Work, start: number, end: number): Promise<unknown> {
  const { text, pieceLength } = work;
  const code = text.charCodeAt(start);
  if (end - start <= pieceLength || (code !== openBracket && code !== openBrace)) {
    await work.pause();
    return parsePiece(work, { from: start, end, before: "", behind: "" });
  }
  return await (code === openBracket ? parseList(work, start, end) : parseObject(work, start, end));
}

async function parseList(work: Work, start: number, end: number): Promise<unknown[]> {
  const list: unknown[] = [];
  await eachGroup(work, start, end, async ({ from, end, isLong }) => {
    if (isLong) {
      list.push(await parseRange(work, skipSpace(work.text, from), end));
      return;
    }
    const values = parsePiece(work, { from, end, before: "[", behind: "]" });
    if (Array.isArray(values)) { for (const value of values) list.push(value); }
  });
  return list;
}

async function parseObject(work: Work, start: number, end: number): Promise<Record<string, unknown>> {
  const { text } = work;
  const object: Record<string, unknown> = {};
  // As JSON.parse does, `__proto__` too becomes a member like any other.
  const define = (name: string, value: unknown) =>
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  await eachGroup(work, start, end, async ({ from, end, isLong }) => {
    if (!isLong) {
      const members = parsePiece(work, { from, end, before: "{", behind: "}" });
      for (const [name, value] of Object.entries(Object(members))) define(name, value);
      return;
    }
    const keyStart = skipSpace(text, from);
    if (text.charCodeAt(keyStart) !== quote) throw malformedAt(keyStart);
    const keyEnd = endOfString(text, keyStart);
    const at = skipSpace(text, keyEnd);
    if (text.charCodeAt(at) !== colon) throw malformedAt(at);
    const name = parsePiece(work, { from: keyStart, end: keyEnd, before: "", behind: "" });
    define(String(name), await parseRange(work, skipSpace(text, at + 1), end));
  });
  return object;
}

/** Members of a list or an object that are parsed at once. */
interface Group {
  readonly from: number;
  readonly end: number;
  /** It is one member, longer than a piece. */
  readonly isLong: boolean;
}

/**
 * Cuts the list or object that begins at `start` at its own commas.
 *
 * @throws {SyntaxError} if it does not end before `end`, with nothing but space behind it.
 */
async function eachGroup(
  { text, pieceLength, pause }: Pick<Work, "text" | "pieceLength" | "pause">,
  start: number,
  end: number,
  take: (group: Group) => Promise<void>,
): Promise<void> {
  const close = text.charCodeAt(start) === openBracket ? closeBracket : closeBrace;
  let depth = 0;
  let from = start + 1;
  // Where the member begins that is being looked through, and what stands before it of its group.
  let memberFrom = from;
  let isFirst = true;
  let nextPause = start + pieceLength;
  const flush = async (to: number) => {
    if (to <= from) return;
    await take({ from, end: to, isLong: from === memberFrom && to - from > pieceLength });
  };
  let at = start + 1;
  for (; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at) - 1;
    else if (code === openBracket || code === openBrace) depth++;
    else if (depth > 0) {
      if (code === closeBracket || code === closeBrace) depth--;
    } else if (code === comma || code === closeBracket || code === closeBrace) {
      if (code !== comma && code !== close) throw malformedAt(at);
      const isEmpty = skipSpace(text, memberFrom) === at;
      if (isEmpty && (code === comma || !isFirst)) throw malformedAt(at);
      isFirst = false;
      // What stands before a member that would make its group longer than a piece is parsed without it.
      if (from < memberFrom && at - from > pieceLength) {
        await take({ from, end: memberFrom - 1, isLong: false });
        from = memberFrom;
      }
      if (code === close) {
        if (!isEmpty) await flush(at);
        break;
      }
      if (at - from > pieceLength) {
        await flush(at);
        from = at + 1;
      }
      memberFrom = at + 1;
    }
    if (at >= nextPause) {
      await pause();
      nextPause = at + pieceLength;
    }
  }
  if (at >= end) throw malformedAt(end);
  const behind = skipSpace(text, at + 1);
  if (behind < end) throw malformedAt(behind);
}

function parsePiece(
  { text, parse }: Pick<Work, "text" | "parse">,
  { from, end, before, behind }: {
    readonly from: number;
    readonly end: number;
    readonly before: string;
    readonly behind: string;
  },
): unknown {
  try {
    return parse(`${before}${text.slice(from, end)}${behind}`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // A place in the piece says nothing of the whole.
    const reason = error.message.replace(/ (?:in JSON )?at position .*$/s, "");
    throw new SyntaxError(`${reason}, between the characters ${from} and ${end}`);
  }
}

function malformedAt(at: number): SyntaxError {
  return new SyntaxError(`Unexpected character or end at character ${at}`);
}
