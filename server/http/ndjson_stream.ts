import { Failure } from "../../pipeline/failure.ts";
import { chunkTimeoutMs, withDeadline } from "./body_deadline.ts";
import { bodyOversized } from "./body.ts";
import { createByteBuffer } from "./body_reader.ts";
import { decodedUtf8, decodeUtf8 } from "./utf8.ts";

/** What one line is answered by, without a line's end; `isLast` ends the stream behind it. */
export interface LineAnswer {
  readonly text: string;
  readonly isLast: boolean;
}

/** What several lines are answered by. */
export interface LinesAnswer extends LineAnswer {
  /** How many lines that is. */
  readonly count: number;
}

export interface LineStreamOptions {
  /** A longer line is answered by its failure and passed over. */
  readonly lineBytesMax: number;
  /** What is longer ends with a failure behind the last line within it. */
  readonly bodyBytesMax: number;
  /** @param line Not empty; a failure where it was too long. @param index Counts the lines that are not empty. */
  answer(line: string | Failure, index: number): LineAnswer | Promise<LineAnswer>;
  /**
   * Answers whole lines at once, which costs less than one after the other.
   *
   * @param text Without the last line's end.
   * @returns undefined where they have to be answered one by one.
   */
  answerAll?(text: string, index: number): Promise<LinesAnswer> | undefined;
  /** Told of each chunk before it is answered, with how many bytes of a line without an end are held. What it throws ends the stream. */
  onChunk?(heldBytes: number): void;
  /** What the answer breaks off with where the body does. */
  failureOf(error: unknown): unknown;
  /** Called once, when the stream has come to its end or its reader has gone. */
  onEnd(): void;
}

const lineFeed = 0x0a;
/** A body that stalls holds so much memory, measured: the chunk that is waited for, and what the runtime has for it. */
export const chunkBytesMax = 192 * 1024;

/**
 * Answers a body line by line. It is pulled: a chunk of the body is read when its reader wants more, so that a slow reader
 * slows the sender, and memory holds one chunk, the line that it cuts off, and their answers.
 *
 * @param body Lines of UTF-8; empty ones are passed over.
 */
export function answerLines(
  body: ReadableStream<Uint8Array>,
  { lineBytesMax, bodyBytesMax, answer, answerAll, onChunk, failureOf, onEnd }: LineStreamOptions,
): ReadableStream<Uint8Array> {
  // Not into a buffer of its own: with one, the runtime's own parser takes all that is sent, however slowly it is read.
  const reader = body.getReader();
  const lines = createLines(lineBytesMax);
  const encoder = new TextEncoder();
  let index = 0;
  let byteCount = 0;
  let ended = false;
  const end = () => {
    if (!ended) onEnd();
    ended = true;
  };

  async function next(): Promise<LineAnswer & { readonly done: boolean }> {
    const { value } = await withDeadline(reader.read(), chunkTimeoutMs);
    if (value === undefined) return { ...await answersOf(lines.rest()), done: true };
    byteCount += value.length;
    if (byteCount <= bodyBytesMax) {
      const found = lines.take(value);
      onChunk?.(lines.heldBytes);
      return { ...await answersOf(found), done: false };
    }
    const { text } = await answersOneByOne([bodyOversized(bodyBytesMax)]);
    return { text, isLast: true, done: false };
  }

  async function answersOf({ first, others }: FoundLines): Promise<LineAnswer> {
    const { text, isLast } = first === undefined ? none : await answersOneByOne([first]);
    if (isLast || others === "") return { text, isLast };
    if (typeof others !== "string") {
      const each = await answersOneByOne(others);
      return { text: text + each.text, isLast: each.isLast };
    }
    // A character has a byte at least: no line of these is too long.
    const all = others.length <= lineBytesMax ? await answerAll?.(others, index) : undefined;
    if (all) index += all.count;
    const rest = all ?? await answersOneByOne(others.split("\n"));
    return { text: text + rest.text, isLast: rest.isLast };
  }

  async function answersOneByOne(found: readonly (string | Failure)[]): Promise<LineAnswer> {
    let text = "";
    for (const line of found.filter(isFilled)) {
      // A character has a byte at least.
      const isTooLong = typeof line === "string" && line.length > lineBytesMax;
      const answered = answer(isTooLong ? lineOversized(lineBytesMax) : line, index++);
      const settled = answered instanceof Promise ? await answered : answered;
      text += `${settled.text}\n`;
      if (settled.isLast) return { text, isLast: true };
    }
    return { text, isLast: false };
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        for (;;) {
          const { text, isLast, done } = await next();
          if (text !== "") controller.enqueue(encoder.encode(text));
          if (done || isLast) {
            if (!done) await reader.cancel();
            controller.close();
            return end();
          }
          // A chunk without the end of a line is no answer yet: the line's own bound ends this.
          if (text !== "") return;
        }
      } catch (error) {
        end();
        throw failureOf(error);
      }
    },
    async cancel(reason) {
      end();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/** Lines that have come to their end. */
interface FoundLines {
  /** One that began in another chunk. */
  readonly first?: string | Failure;
  /** Those behind it, without the last one's end; one by one if bytes of them are no UTF-8. */
  readonly others: string | readonly (string | Failure)[];
}

const none: LineAnswer = { text: "", isLast: false };

interface Lines {
  /** Of a line that has not ended. */
  readonly heldBytes: number;
  /** The lines that end in the chunk. */
  take(chunk: Uint8Array): FoundLines;
  /** The last line, where no end stands behind it. */
  rest(): FoundLines;
}

/** Cuts chunks into lines, and holds no more than one line and one chunk. */
function createLines(lineBytesMax: number): Lines {
  const held = createByteBuffer();
  let isTooLong = false;

  function hold(bytes: Uint8Array): void {
    isTooLong ||= held.byteCount + bytes.length > lineBytesMax;
    // Of a line that is too long, nothing is kept: its end is waited for.
    if (isTooLong) held.clear();
    else held.add(bytes);
  }

  /** The line that was held, with its last bytes. */
  function release(last: Uint8Array): string | Failure {
    hold(last);
    const line = isTooLong ? lineOversized(lineBytesMax) : lineOf(held.bytes());
    held.clear();
    isTooLong = false;
    return line;
  }

  return {
    get heldBytes() {
      return held.byteCount;
    },
    take(chunk) {
      const last = chunk.lastIndexOf(lineFeed);
      if (last < 0) {
        hold(chunk);
        return { others: "" };
      }
      const isHeld = held.byteCount > 0 || isTooLong;
      const from = isHeld ? chunk.indexOf(lineFeed) + 1 : 0;
      const first = isHeld ? release(chunk.subarray(0, from - 1)) : undefined;
      // Decoded at once and then cut: a call per line would cost more than the lines.
      const others = from > last ? "" : linesOf(chunk.subarray(from, last));
      if (last + 1 < chunk.length) hold(chunk.subarray(last + 1));
      return first === undefined ? { others } : { first, others };
    },
    rest: () =>
      held.byteCount > 0 || isTooLong ? { first: release(new Uint8Array()), others: "" } : { others: "" },
  };
}

function linesOf(bytes: Uint8Array): FoundLines["others"] {
  const text = decodedUtf8(bytes);
  if (text !== undefined) return text;
  const lines: (string | Failure)[] = [];
  for (let from = 0; from <= bytes.length;) {
    const found = bytes.indexOf(lineFeed, from);
    const end = found < 0 ? bytes.length : found;
    lines.push(lineOf(bytes.subarray(from, end)));
    from = end + 1;
  }
  return lines;
}

function lineOf(bytes: Uint8Array): string | Failure {
  try {
    return decodeUtf8(bytes, "The line");
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function isFilled(line: string | Failure): boolean {
  return typeof line !== "string" || /\S/.test(line);
}

function lineOversized(lineBytesMax: number): Failure {
  return new Failure(
    "body-oversized",
    `The line has more than ${lineBytesMax.toLocaleString("en")} bytes, the most that is taken for a row.`,
  );
}
