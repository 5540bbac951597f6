import { parseJson } from "../pipeline/exact_json.ts";
import { Failure } from "../pipeline/failure.ts";
import { runtimeParsesHttp } from "./http_parser.ts";
import { inTime } from "./arrival.ts";
import { requireUtf8 } from "./utf8.ts";

/** @param bytesMax The most that the body may have. */
export function bodyOversized(bytesMax: number): Failure {
  return new Failure(
    "body-oversized",
    `The body has more than ${
      bytesMax.toLocaleString("en")
    } bytes, the most that is taken here. Send less at a time.`,
  );
}

/**
 * True where a request says how long its body is and that is not too long: the runtime then reads no more than that. A
 * chunked body can be of any length, whatever Content-Length says beside it (RFC 9112, section 6.3).
 */
function saysShort(headers: Pick<Headers, "get">, bytesMax: number): boolean {
  const length = headers.get("content-length");
  return length !== null && Number(length) <= bytesMax &&
    // The runtime's own parser refuses a request that has two lengths: this spares a look at each.
    (runtimeParsesHttp || headers.get("transfer-encoding") === null);
}

/**
 * Reads a body of at most `bytesMax` bytes, however it is sent, and stops at the first byte too many.
 *
 * @throws {Failure} `body-oversized`, `body-late`
 */
export function readBody(request: Request, bytesMax: number): Promise<string> {
  return inTime(readText(request, bytesMax));
}

async function readText(request: Request, bytesMax: number): Promise<string> {
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > bytesMax) throw bodyOversized(bytesMax);
  const decoder = new TextDecoder();
  let text = "";
  let byteCount = 0;
  for await (const chunk of request.body ?? []) {
    byteCount += chunk.byteLength;
    // Leaving the loop cancels the stream.
    if (byteCount > bytesMax) throw bodyOversized(bytesMax);
    text += decoder.decode(chunk, { stream: true });
  }
  return requireUtf8(text + decoder.decode());
}

/**
 * Reads a body of at most `bytesMax` bytes as it is.
 *
 * @param headers Another way to the request's headers.
 * @throws {Failure} `body-oversized`, `body-late`
 */
export function readBytes(
  request: Request,
  bytesMax: number,
  headers: Pick<Headers, "get"> = request.headers,
): Promise<Uint8Array<ArrayBuffer>> {
  return inTime(readBytesWhenever(request, bytesMax, headers));
}

async function readBytesWhenever(
  request: Request,
  bytesMax: number,
  headers: Pick<Headers, "get">,
): Promise<Uint8Array<ArrayBuffer>> {
  if (saysShort(headers, bytesMax)) return new Uint8Array(await request.arrayBuffer());
  const length = headers.get("content-length");
  if (length !== null && Number(length) > bytesMax) throw bodyOversized(bytesMax);
  return gather(request.body ?? [], bytesMax);
}

/**
 * Puts chunks together, at most `bytesMax` bytes of them.
 *
 * @throws {Failure} `body-oversized`; leaving the loop cancels the stream.
 */
export async function gather(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of chunks) {
    byteCount += chunk.byteLength;
    if (byteCount > bytesMax) throw bodyOversized(bytesMax);
    parts.push(chunk);
  }
  const bytes = new Uint8Array(byteCount);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

/**
 * Reads a body of at most `bytesMax` bytes as JSON.
 *
 * @throws {Failure} `body-oversized`, `body-late`
 * @throws {SyntaxError} where it is not JSON: {@link bodyFailure} makes a failure of it.
 */
export function readJson(request: Request, bytesMax: number): Promise<unknown> {
  return inTime(readJsonWhenever(request, bytesMax));
}

function readJsonWhenever(request: Request, bytesMax: number): Promise<unknown> {
  // The runtime's own reader is several times faster than a stream, and has no bound of its own.
  const text = saysShort(request.headers, bytesMax) ? request.text() : readText(request, bytesMax);
  return text.then((text) => parseJson(requireUtf8(text)));
}

/** What to tell a client whose body could not be read as JSON; any error that has another cause as it is. */
export function bodyFailure(error: unknown, request: Request): unknown {
  if (!(error instanceof SyntaxError)) return isDisconnection(error) ? bodyBroken() : error;
  const type = request.headers.get("content-type");
  if (type !== null && !isJson(type)) return mediaTypeInvalid(type);
  return new Failure("body-malformed", `The body is not valid JSON: ${error.message}.`);
}

/** @throws {Failure} `media-type-invalid` for a body that says it is something else. */
export function requireJson(request: Request): void {
  const type = request.headers.get("content-type");
  if (type !== null && !isJson(type)) throw mediaTypeInvalid(type);
}

function isJson(type: string): boolean {
  return /^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i.test(type);
}

function mediaTypeInvalid(type: string): Failure {
  return new Failure(
    "media-type-invalid",
    `The body is ${
      JSON.stringify(type.slice(0, 80))
    }, expected JSON. Send it with Content-Type: application/json.`,
  );
}

function bodyBroken(): Failure {
  return new Failure(
    "body-malformed",
    "The connection or the server ended before the body was complete: send it again.",
  );
}

function isDisconnection(error: unknown): boolean {
  return error instanceof Deno.errors.Http || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.UnexpectedEof || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionAborted;
}
