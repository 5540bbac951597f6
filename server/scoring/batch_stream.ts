import { parseJson } from "../../pipeline/exact_json.ts";
import { Failure } from "../../pipeline/failure.ts";
import { answerFromStore, answerValidRows, pauseIfDue, type RowWork } from "./batch_rows.ts";
import { bodyFailure } from "../http/body_failure.ts";
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
 * Maximum length of a streamed body. While request and response are both in flight, the runtime's own HTTP parser keeps all
 * that it has read and scans it repeatedly: a server that only echoes 200 MB needs 140 MiB and half a minute. Streams are
 * limited only on such runtimes.
 */
export const streamBytesMax = runtimeParsesHttp ? 64 * 1024 * 1024 : Infinity;

/** Answers newline-delimited JSON while it arrives, one line per line. */
export function answerStream(rowWork: RowWork, request: Request, lifecycle: Lifecycle): Response {
  let pause = startSlices(chunkSliceMs);
  const work: LineWork = { ...rowWork, badLines: 0, pause: () => pause() };
  const reservation = reserve("stream", chunkBytesMax);
  // The handler returns long before the last row is sent; counting the stream makes a draining server wait for it.
  lifecycle.inFlight++;
  const stream = answerLines(request.body ?? new ReadableStream({ start: (body) => body.close() }), {
    lineBytesMax,
    bodyBytesMax: streamBytesMax,
    answer: (line, index) => answerLine(work, line, index),
    answerAll: (text, index) => answerLinesTogether(work, text, index),
    failureOf: (error) => bodyFailure(error, request),
    onChunk(pendingBytes) {
      reservation.growTo(chunkBytesMax + pendingBytes);
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
 * Time slice of one chunk of the body, which nearly always takes less. In each further turn of the event loop the runtime's
 * own parser reads more of the body, even if the client reads the answers slowly.
 */
const chunkSliceMs = 25;

interface LineWork extends RowWork {
  /** Number of lines that could not be answered. */
  badLines: number;
}

/** Counts a line that cannot be answered and returns the JSON that reports it. */
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

/** @returns undefined if it is not certain that each line is one row. */
function answerLinesTogether(work: LineWork, text: string, index: number): Promise<LinesAnswer> | undefined {
  const rows = parseLinesTogether(text);
  return rows && answerRowsOfLines(work, rows, index);
}

/**
 * Parses lines as one array, because one call per line costs half as much again.
 *
 * A line that is not a row must not become one together with its neighbours: `{},{}` is one line and two rows, `{"a":[{}`
 * and `{}]}` are two lines and one row. If every line begins with a brace and there is no array, no line begins inside a
 * value, since a key or a closing brace would have to come first. Then every line holds at least one row, and if rows and
 * lines are equal in number, each line is one row.
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

/** Answers rows, one line each. A failure of the store ends the stream, since it would make every other row wait as long. */
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
