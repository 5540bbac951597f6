import { Failure } from "../../pipeline/failure.ts";
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
} from "../../pipeline/json_tokens.ts";
import { noteParsed, startSlices } from "../runtime/time_slices.ts";

/** Characters that are parsed or scanned at once. */
const chunkLengthDefault = 64 * 1024;

/** Limits of a long text, which no valid body exceeds, and its parser. */
export interface JsonBounds {
  /** Parses a JSON text: some members of a list or an object. */
  readonly parse: (text: string) => unknown;
  /** Entries of a list or an object in the first levels, which contain rows and columns. */
  readonly rowsMax: number;
  /** Lists and objects: each takes a multiple of its length in memory. */
  readonly containersMax: number;
  /** Values of any kind. */
  readonly valuesMax: number;
  /** For tests. */
  readonly chunkLength?: number;
}

/** Down to this level, entries are rows or values of a column. */
const rowsDepthMax = 3;
/** Deeper values are removed. A valid value is at most a list in a list; members that are ignored may be this deep. */
const depthMax = 32;

/**
 * Parses a long JSON text in chunks, between which other requests are served. Limits are checked before anything is parsed.
 *
 * @throws {Failure} `body-oversized`
 * @throws {SyntaxError} with a position in the whole text.
 */
export async function parseJsonInTurns(text: string, bounds: JsonBounds): Promise<unknown> {
  const { parse, chunkLength = chunkLengthDefault } = bounds;
  noteParsed(text.length);
  const shallow = await checkBounds(text, bounds);
  const work: Work = { text: shallow, parse, chunkLength, pause: startSlices() };
  return await parseRange(work, skipSpace(shallow, 0), shallow.length);
}

interface Work {
  readonly text: string;
  readonly parse: JsonBounds["parse"];
  readonly chunkLength: number;
  readonly pause: () => Promise<void> | undefined;
}

/**
 * Checks the limits before any value is created, and replaces values deeper than `depthMax` by an empty list, which is as
 * invalid there.
 *
 * @returns The text that remains.
 *
 * @throws {Failure} `body-oversized`
 */
async function checkBounds(text: string, { rowsMax, containersMax, valuesMax }: JsonBounds): Promise<string> {
  const pause = startSlices();
  let shallow = "";
  let keptFrom = 0;
  let cutFrom = 0;
  let depth = 0;
  let containers = 0;
  let commas = 0;
  /** Commas of the open list or object, by depth. */
  const rowCommas = new Float64Array(rowsDepthMax + 1);
  for (let at = 0; at < text.length;) {
    const end = Math.min(at + chunkLengthDefault, text.length);
    for (; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code === quote) at = endOfString(text, at) - 1;
      else if (code === comma) {
        commas++;
        if (depth <= rowsDepthMax && ++rowCommas[Math.max(depth, 0)] >= rowsMax) {
          throw tooMany(rowsMax, "rows");
        }
      } else if (code === openBrace || code === openBracket) {
        containers++;
        if (++depth <= rowsDepthMax) rowCommas[Math.max(depth, 0)] = 0;
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
    `The body has more than ${max.toLocaleString("en")} ${what}, the maximum here. Send less at a time.`,
  );
}

/** Parses the value that begins at `start`. It may be followed by white space only, up to `end`. */
async function parseRange(work: Work, start: number, end: number): Promise<unknown> {
  const { text, chunkLength } = work;
  const code = text.charCodeAt(start);
  if (end - start <= chunkLength || (code !== openBracket && code !== openBrace)) {
    await work.pause();
    return parseChunk(work, { from: start, end, before: "", after: "" });
  }
  return await (code === openBracket ? parseList(work, start, end) : parseObject(work, start, end));
}

async function parseList(work: Work, start: number, end: number): Promise<unknown[]> {
  const list: unknown[] = [];
  await forEachChunk(work, start, end, async ({ from, end, isLong }) => {
    if (isLong) {
      list.push(await parseRange(work, skipSpace(work.text, from), end));
      return;
    }
    const values = parseChunk(work, { from, end, before: "[", after: "]" });
    if (Array.isArray(values)) { for (const value of values) list.push(value); }
  });
  return list;
}

async function parseObject(work: Work, start: number, end: number): Promise<Record<string, unknown>> {
  const { text } = work;
  const object: Record<string, unknown> = {};
  // As in JSON.parse, `__proto__` becomes an ordinary member.
  const define = (name: string, value: unknown) =>
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  await forEachChunk(work, start, end, async ({ from, end, isLong }) => {
    if (!isLong) {
      const members = parseChunk(work, { from, end, before: "{", after: "}" });
      for (const [name, value] of Object.entries(Object(members))) define(name, value);
      return;
    }
    const keyStart = skipSpace(text, from);
    if (text.charCodeAt(keyStart) !== quote) throw malformedAt(keyStart);
    const keyEnd = endOfString(text, keyStart);
    const at = skipSpace(text, keyEnd);
    if (text.charCodeAt(at) !== colon) throw malformedAt(at);
    const name = parseChunk(work, { from: keyStart, end: keyEnd, before: "", after: "" });
    define(String(name), await parseRange(work, skipSpace(text, at + 1), end));
  });
  return object;
}

/** Members of a list or an object that are parsed at once. */
interface MemberRange {
  readonly from: number;
  readonly end: number;
  /** It is one member, longer than a chunk. */
  readonly isLong: boolean;
}

/**
 * Splits the list or object that begins at `start` at its own commas.
 *
 * @throws {SyntaxError} unless it ends before `end`, followed by white space only.
 */
async function forEachChunk(
  { text, chunkLength, pause }: Pick<Work, "text" | "chunkLength" | "pause">,
  start: number,
  end: number,
  take: (range: MemberRange) => Promise<void>,
): Promise<void> {
  const close = text.charCodeAt(start) === openBracket ? closeBracket : closeBrace;
  let depth = 0;
  let from = start + 1;
  // The start of the current member, which may be after other members of its range.
  let memberFrom = from;
  let isFirst = true;
  let nextPause = start + chunkLength;
  const flush = async (to: number) => {
    if (to <= from) return;
    await take({ from, end: to, isLong: from === memberFrom && to - from > chunkLength });
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
      // A member that would make its range longer than a chunk begins the next range.
      if (from < memberFrom && at - from > chunkLength) {
        await take({ from, end: memberFrom - 1, isLong: false });
        from = memberFrom;
      }
      if (code === close) {
        if (!isEmpty) await flush(at);
        break;
      }
      if (at - from > chunkLength) {
        await flush(at);
        from = at + 1;
      }
      memberFrom = at + 1;
    }
    if (at >= nextPause) {
      await pause();
      nextPause = at + chunkLength;
    }
  }
  if (at >= end) throw malformedAt(end);
  const next = skipSpace(text, at + 1);
  if (next < end) throw malformedAt(next);
}

function parseChunk(
  { text, parse }: Pick<Work, "text" | "parse">,
  { from, end, before, after }: {
    readonly from: number;
    readonly end: number;
    readonly before: string;
    readonly after: string;
  },
): unknown {
  try {
    return parse(`${before}${text.slice(from, end)}${after}`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // A position in the chunk is not one in the whole text.
    const reason = error.message.replace(/ (?:in JSON )?at position .*$/s, "");
    throw new SyntaxError(`${reason}, between the characters ${from} and ${end}`);
  }
}

function malformedAt(at: number): SyntaxError {
  return new SyntaxError(`Unexpected character or end at character ${at}`);
}
