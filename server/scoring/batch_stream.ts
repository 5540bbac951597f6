import { parseJson } from "../../pipeline/exact_json.ts";
import { Failure } from "../../pipeline/failure.ts";
import { answerFromStore, answerValidRows, pauseIfDue, type RowWork } from "./batch_rows.ts";
import { bodyFailure } from "../http/body.ts";
import { reserve } from "../http/body_quota.ts";
import { runtimeParsesHttp } from "../runtime/listener.ts";
import type { Lifecycle } from "../runtime/lifecycle.ts";
import { answerLines, chunkBytesMax, type LineAnswer, type LinesAnswer } from "../http/ndjson_stream.ts";
import { shortProblemOf } from "../http/problem.ts";
import { modelHeaders } from "./row_answer.ts";
import { badRowsMax } from "../http/row_limits.ts";
import { startSlices } from "../runtime/time_slices.ts";

export const lineBytesMax = 256 * 1024;
/**
 * While a request and its response are under way at once, the runtime's own parser keeps what it has read, and looks through it
 * again and again: 200 MB take 140 MiB and half a minute, by a server that does nothing but echo them. So there, and only
 * there, a stream has an end.
 */
export const streamBytesMax = runtimeParsesHttp ? 64 * 1024 * 1024 : Infinity;

/** Answers newline-delimited JSON, a line for each line, while it comes. */
export function answerStream(rowWork: RowWork, request: Request, lifecycle: Lifecycle): Response {
  let pause = startSlices(chunkSliceMs);
  const work: LineWork = { ...rowWork, badLines: 0, pause: () => pause() };
  const reservation = reserve("stream", chunkBytesMax);
  // The response is on its way long before its last row is: until then a server that drains waits for it.
  lifecycle.inFlight++;
  const stream = answerLines(request.body ?? new ReadableStream({ start: (body) => body.close() }), {
    lineBytesMax,
    bodyBytesMax: streamBytesMax,
    answer: (line, index) => answerLine(work, line, index),
    answerAll: (text, index) => answerLinesTogether(work, text, index),
    failureOf: (error) => bodyFailure(error, request),
    onChunk(heldBytes) {
      reservation.growTo(chunkBytesMax + heldBytes);
      pause = startSlices(chunkSliceMs);
    },
    onEnd() {
      lifecycle.inFlight--;
      reservation.release();
    },
  });
  return new Response(stream, {
    headers: { "content-type": "application/x-ndjson", ...modelHeaders(rowWork.model) },
  });
}

/**
 * A chunk of the body is nearly always answered in less. In each turn of the event loop that it takes longer, the runtime's own
 * parser reads on, however slowly the answers are taken.
 */
const chunkSliceMs = 25;

interface LineWork extends RowWork {
  /** Lines of the stream that could not be answered. */
  badLines: number;
}

/** What stands in the place of a line that cannot be answered. */
function lineErrorJson(work: LineWork, index: number, failure: Failure): string {
  const error = shortProblemOf(failure, ++work.badLines > badRowsMax);
  return `{"index":${index},"error":${JSON.stringify(error)}}`;
}

async function answerLine(work: LineWork, line: string | Failure, index: number): Promise<LineAnswer> {
  if (line instanceof Failure) return { text: lineErrorJson(work, index, line), isLast: work.strict };
  let row: unknown;
  try {
    row = parseJson(line);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const failure = new Failure("body-malformed", `The line is not valid JSON: ${reason}.`);
    return { text: lineErrorJson(work, index, failure), isLast: work.strict };
  }
  const { text, isLast } = await answerRowsOfLines(work, [row], index);
  return { text: text.slice(0, -1), isLast };
}

/** @returns undefined where it is not certain that each line is one row. */
function answerLinesTogether(work: LineWork, text: string, index: number): Promise<LinesAnswer> | undefined {
  const rows = parseLinesTogether(text);
  return rows && answerRowsOfLines(work, rows, index);
}

/**
 * Parses lines as one array: a call per line costs half as much again.
 *
 * What is no row by itself must not become one by its neighbours (`{},{}` is one line and two rows, `{"a":[{}` and `{}]}` two
 * lines and one). Where each line begins with a brace and there is no array, no line begins inside of a value, for a key or an
 * end would have to stand there; then each holds a row at least, and as many rows as lines are one each.
 */
function parseLinesTogether(text: string): unknown[] | undefined {
  if (text.includes("[")) return undefined;
  let lineCount = 0;
  for (let at = 0; at >= 0; lineCount++) {
    if (text.charCodeAt(at) !== 0x7b) return undefined;
    const end = text.indexOf("\n", at);
    at = end < 0 ? -1 : end + 1;
  }
  try {
    const rows = parseJson(`[${text.replaceAll("\n", ",")}]`);
    return Array.isArray(rows) && rows.length === lineCount ? rows : undefined;
  } catch {
    return undefined;
  }
}

/** Each answer with its line's end. Where the store cannot be asked, that is the last: other rows would wait for it as long. */
async function answerRowsOfLines(
  work: LineWork,
  rows: readonly unknown[],
  index: number,
): Promise<LinesAnswer> {
  let text = "";
  for (let at = 0; at < rows.length;) {
    const answered = answerValidRows(work, rows, at, text, "\n");
    [text, at] = [answered.text, answered.next];
    await pauseIfDue(work);
    if (answered.errors === undefined) continue;
    let isOfStore = false;
    const answer = await answerFromStore(work, rows[at], answered.errors).catch((error) => {
      if (!(error instanceof Failure)) throw error;
      isOfStore = true;
      return error;
    });
    const isAnswer = typeof answer === "string";
    text += isAnswer ? `{${answer}}\n` : `${lineErrorJson(work, index + at, answer)}\n`;
    at++;
    if (isOfStore || (work.strict && !isAnswer)) return { text, isLast: true, count: at };
  }
  return { text, isLast: false, count: rows.length };
}
