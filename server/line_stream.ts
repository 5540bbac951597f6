import { Failure } from "../pipeline/failure.ts";
import { inTime, pieceTimeoutMs } from "./arrival.ts";
import { bodyOversized } from "./body.ts";

/** What one line is answered by, without a line's end; `isLast` ends the stream behind it. */
export interface LineAnswer {
  readonly text: string;
  readonly isLast: boolean;
}

export interface LineStreamOptions {
  /** A longer line is answered by its failure and passed over. */
  readonly lineBytesMax: number;
  /** What is longer ends with a failure behind the last line within it. */
  readonly bodyBytesMax: number;
  /** @param line Not empty; a failure where it was too long. @param index Counts the lines that are not empty. */
  answer(line: string | Failure, index: number): LineAnswer | Promise<LineAnswer>;
  /** What the answer breaks off with where the body does. */
  failureOf(error: unknown): unknown;
  /** Called once, when the stream has come to its end or its reader has gone. */
  onEnd(): void;
}

const lineFeed = 0x0a;

/**
 * Answers a body line by line. It is pulled: a chunk of the body is read when its reader wants more, so that a slow reader
 * slows the sender, and memory holds one chunk, the line that it cuts off, and their answers.
 *
 * @param body Lines of UTF-8; empty ones are passed over.
 */
export function answerLines(
  body: ReadableStream<Uint8Array>,
  { lineBytesMax, bodyBytesMax, answer, failureOf, onEnd }: LineStreamOptions,
): ReadableStream<Uint8Array> {
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
    const { value, done } = await inTime(reader.read(), pieceTimeoutMs);
    if (done) return { ...await answersOf(lines.rest()), done };
    byteCount += value.length;
    if (byteCount <= bodyBytesMax) return { ...await answersOf(lines.take(value)), done };
    const { text } = await answersOf([bodyOversized(bodyBytesMax)]);
    return { text, isLast: true, done };
  }

  async function answersOf(found: readonly (string | Failure)[]): Promise<LineAnswer> {
    let text = "";
    for (const line of found) {
      const answered = answer(line, index++);
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

interface Lines {
  /** The lines that end in the chunk. */
  take(chunk: Uint8Array): (string | Failure)[];
  /** The last line, where no end stands behind it. */
  rest(): (string | Failure)[];
}

/** Cuts chunks into lines, and holds no more than one line and one chunk. */
function createLines(lineBytesMax: number): Lines {
  const decoder = new TextDecoder();
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let isTooLong = false;

  function hold(bytes: Uint8Array): void {
    isTooLong ||= heldBytes + bytes.length > lineBytesMax;
    // Of a line that is too long, nothing is kept: its end is waited for.
    held = isTooLong ? [] : [...held, bytes];
    heldBytes = isTooLong ? 0 : heldBytes + bytes.length;
  }

  /** The line that was held, with its last bytes. */
  function release(last: Uint8Array): string | Failure {
    hold(last);
    const line = isTooLong
      ? lineOversized(lineBytesMax)
      : decoder.decode(held.length === 1 ? held[0] : joined(held, heldBytes));
    [held, heldBytes, isTooLong] = [[], 0, false];
    return line;
  }

  return {
    take(chunk) {
      const last = chunk.lastIndexOf(lineFeed);
      if (last < 0) {
        hold(chunk);
        return [];
      }
      const found: (string | Failure)[] = [];
      let from = 0;
      if (heldBytes > 0 || isTooLong) {
        const end = chunk.indexOf(lineFeed);
        found.push(release(chunk.subarray(0, end)));
        from = end + 1;
      }
      // Decoded at once and then cut: a call per line would cost more than the lines.
      const text = from > last ? "" : decoder.decode(chunk.subarray(from, last));
      if (from <= last) {
        for (const line of text.split("\n")) {
          // A character has a byte at least.
          found.push(line.length > lineBytesMax ? lineOversized(lineBytesMax) : line);
        }
      }
      if (last + 1 < chunk.length) hold(chunk.slice(last + 1));
      return found.filter(isFilled);
    },
    rest: () => heldBytes > 0 || isTooLong ? [release(new Uint8Array())].filter(isFilled) : [],
  };
}

function isFilled(line: string | Failure): boolean {
  return typeof line !== "string" || /\S/.test(line);
}

function joined(parts: readonly Uint8Array[], byteCount: number): Uint8Array {
  const bytes = new Uint8Array(byteCount);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function lineOversized(lineBytesMax: number): Failure {
  return new Failure(
    "body-oversized",
    `The line has more than ${lineBytesMax.toLocaleString("en")} bytes, the most that is taken for a row.`,
  );
}
