import { bodyOversized } from "./body_failure.ts";
import { chunkTimeoutMs, withDeadline } from "./body_deadline.ts";
import { type CompleteLines, createLineSplitter, type Line, lineOversized } from "./line_splitter.ts";

/** The answer to one line, without a line feed. `isLast` ends the stream after it. */
export interface LineAnswer {
  readonly text: string;
  readonly isLast: boolean;
}

/** The answer to several lines. */
export interface LinesAnswer extends LineAnswer {
  /** The number of lines. */
  readonly count: number;
}

export interface LineStreamOptions {
  /** A longer line is answered with its failure and skipped. */
  readonly lineBytesMax: number;
  /** A longer body is answered up to this length, and then with a failure. */
  readonly bodyBytesMax: number;
  /** @param line Not empty. @param index Counts the lines that are not empty. */
  answer(line: Line, index: number): LineAnswer | Promise<LineAnswer>;
  /**
   * Answers several lines together, which costs less than one after the other.
   *
   * @param text Without the last line feed.
   * @returns undefined if the lines must be answered one by one.
   */
  answerAll?(text: string, index: number): Promise<LinesAnswer> | undefined;
  /** Called for each chunk before it is answered, with the bytes of the incomplete line. An error that it throws ends the stream. */
  onChunk?(pendingBytes: number): void;
  /** Returns the error with which the answer fails if the body does. */
  failureOf(error: unknown): unknown;
  /** Called once, when the stream ends or its reader cancels it. */
  onEnd(): void;
}

/** Measured: the memory of a body that stalls, which is the chunk that is awaited and the runtime's buffers for it. */
export const chunkBytesMax = 192 * 1024;

/**
 * Answers a body line by line. A chunk of the body is read when the reader of the answer wants more, so that a slow reader
 * slows down the sender, and memory holds one chunk, its incomplete line, and their answers.
 *
 * @param body Lines of UTF-8; empty lines are skipped.
 */
export function answerLines(
  body: ReadableStream<Uint8Array>,
  options: LineStreamOptions,
): ReadableStream<Uint8Array> {
  const { bodyBytesMax, onChunk, failureOf, onEnd } = options;
  // Without a BYOB buffer: with one, the runtime's own parser reads ahead without limit, however slowly it is read.
  const reader = body.getReader();
  const splitter = createLineSplitter(options.lineBytesMax);
  const answers = createLineAnswers(options);
  const encoder = new TextEncoder();
  let byteCount = 0;
  let ended = false;
  const end = () => {
    if (!ended) onEnd();
    ended = true;
  };

  async function next(): Promise<LineAnswer & { readonly done: boolean }> {
    const { value } = await withDeadline(reader.read(), chunkTimeoutMs);
    if (value === undefined) return { ...await answers.together(splitter.end()), done: true };
    byteCount += value.length;
    if (byteCount <= bodyBytesMax) {
      const lines = splitter.split(value);
      onChunk?.(splitter.pendingBytes);
      return { ...await answers.together(lines), done: false };
    }
    const { text } = await answers.oneByOne([bodyOversized(bodyBytesMax)]);
    return { text, isLast: true, done: false };
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
          // A chunk without a line feed gives no answer yet. `lineBytesMax` bounds this loop.
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

const none: LineAnswer = { text: "", isLast: false };

function createLineAnswers({ lineBytesMax, answer, answerAll }: LineStreamOptions) {
  let index = 0;

  async function oneByOne(lines: readonly Line[]): Promise<LineAnswer> {
    let text = "";
    for (const line of lines.filter(isFilled)) {
      // A character takes at least one byte.
      const isTooLong = typeof line === "string" && line.length > lineBytesMax;
      const answered = answer(isTooLong ? lineOversized(lineBytesMax) : line, index++);
      const settled = answered instanceof Promise ? await answered : answered;
      text += `${settled.text}\n`;
      if (settled.isLast) return { text, isLast: true };
    }
    return { text, isLast: false };
  }

  return {
    async together({ first, others }: CompleteLines): Promise<LineAnswer> {
      const { text, isLast } = first === undefined ? none : await oneByOne([first]);
      if (isLast || others === "") return { text, isLast };
      // A character takes at least one byte, so none of these lines is too long.
      const isShort = typeof others === "string" && others.length <= lineBytesMax;
      const all = isShort ? await answerAll?.(others, index) : undefined;
      if (all) index += all.count;
      const rest = all ?? await oneByOne(typeof others === "string" ? others.split("\n") : others);
      return { text: text + rest.text, isLast: rest.isLast };
    },
    oneByOne,
  };
}

function isFilled(line: Line): boolean {
  return typeof line !== "string" || /\S/.test(line);
}
