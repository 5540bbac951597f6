import { Failure } from "../../pipeline/failure.ts";
import { runtimeParsesHttp } from "../runtime/listener.ts";

/** @param bytesMax The maximum length of the body. */
export function bodyOversized(bytesMax: number): Failure {
  return new Failure(
    "body-oversized",
    `The body has more than ${bytesMax.toLocaleString("en")} bytes, the maximum here. Send less at a time.`,
  );
}

/**
 * Rejects a body with two lengths, of which a proxy may use one and this server the other: then one of them takes a part of the
 * body for the next request (RFC 9112, section 6.3). The runtime's own parser rejects such a request before it arrives here.
 *
 * @throws {Failure} `body-malformed`
 */
export function rejectTwoLengths(headers: Pick<Headers, "get">): void {
  if (runtimeParsesHttp || headers.get("transfer-encoding") === null) return;
  if (headers.get("content-length") === null) return;
  throw new Failure(
    "body-malformed",
    "The request has Content-Length and Transfer-Encoding: send one of them.",
  );
}

/**
 * Returns the failure of a body that could not be read; any error with another cause is returned unchanged. A compressed body
 * that was read as it is also ends here, since it is neither UTF-8 nor JSON.
 *
 * @param mayBeCompressed The route takes compressed bodies: compression is not the cause.
 */
export function bodyFailure(error: unknown, request: Request, mayBeCompressed = false): unknown {
  const isMalformed = error instanceof SyntaxError ||
    (error instanceof Failure && error.kind === "body-malformed");
  if (!isMalformed) return isDisconnection(error) ? bodyBroken() : error;
  const encoding = request.headers.get("content-encoding");
  if (!mayBeCompressed && !isPlain(encoding)) return encodingInvalid(encoding);
  if (!(error instanceof SyntaxError)) return error;
  const type = request.headers.get("content-type");
  if (type !== null && !isJson(type)) return mediaTypeInvalid(type);
  return new Failure("body-malformed", `The body is not valid JSON: ${error.message}.`);
}

/** @throws {Failure} `media-type-invalid` for a body with another media type or a compression. */
export function requireJson(request: Request): void {
  requirePlain(request);
  const type = request.headers.get("content-type");
  if (type !== null && !isJson(type)) throw mediaTypeInvalid(type);
}

/** @throws {Failure} `media-type-invalid` for a compressed body. */
export function requirePlain({ headers }: Pick<Request, "headers">): void {
  const encoding = headers.get("content-encoding");
  if (!isPlain(encoding)) throw encodingInvalid(encoding);
}

function isPlain(encoding: string | null): encoding is null {
  return encoding === null || /^ *(?:identity)? *$/i.test(encoding);
}

/** @param accepted The compressions that the route takes. */
export function encodingInvalid(encoding: string, accepted: readonly string[] = []): Failure {
  const expected = accepted.length === 0
    ? "a body that is not compressed"
    : `${accepted.join(", ")} or nothing`;
  return new Failure(
    "media-type-invalid",
    `The body has the Content-Encoding ${JSON.stringify(encoding.slice(0, 80))}, expected ${expected}.`,
  );
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
