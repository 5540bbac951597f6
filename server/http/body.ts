import { parseJson } from "../../pipeline/exact_json.ts";
import { Failure } from "../../pipeline/failure.ts";
import { yieldToEventLoop } from "../../pipeline/runtime/event_loop.ts";
import { markUnread, withDeadline } from "./body_deadline.ts";
import {
  acquireShort,
  type BodyClass,
  releaseShort,
  type Reservation,
  reserve,
  shortBodyBytesMax,
} from "./body_quota.ts";
import { type ByteBuffer, createByteBuffer, readChunks } from "./body_reader.ts";
import { runtimeParsesHttp } from "../runtime/listener.ts";
import { parseJsonInTurns } from "./incremental_json.ts";
import { batchRowsMax } from "./row_limits.ts";
import { oneAtATime } from "../runtime/time_slices.ts";
import { decodeUtf8, requireUtf8 } from "./utf8.ts";

/** The parsed form of a longer body takes a multiple of its memory: such bodies are parsed and answered one at a time. */
export const heavyBodyBytes = 128 * 1024;

/** Lists and objects of a long body. */
const containersMax = 50 * batchRowsMax;

/** A body that stalls holds so much memory, beside what it has sent. */
const pieceBytesMax = 16 * 1024;

/** What has arrived already is read without a turn of the event loop: after so much of it, others have theirs. */
const bytesPerTurn = 256 * 1024;

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
 * A body whose length is said twice is read one way here and perhaps another way by a proxy, which then takes a part of it for
 * the next request (RFC 9112, section 6.3). The runtime's own parser refuses it before it comes here.
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
 * @returns The length that a request says its body has; undefined if it says none.
 * @throws {Failure} `body-oversized`, `body-malformed`
 */
function lengthOf(headers: Pick<Headers, "get">, bytesMax: number): number | undefined {
  const length = headers.get("content-length");
  if (length === null) return undefined;
  rejectTwoLengths(headers);
  if (Number(length) > bytesMax) {
    markUnread();
    throw bodyOversized(bytesMax);
  }
  return Number(length);
}

export interface BodyOptions {
  /** The most that is taken. */
  readonly bytesMax: number;
  /** Writes have a room of their own. */
  readonly isWrite?: boolean;
  /** Another way to the request's headers. */
  readonly headers?: Pick<Headers, "get">;
  /** The most entries that a list or an object of a long body of JSON has in its first levels. */
  readonly rowsMax?: number;
}

/**
 * Reads a body and answers it. Its place in the room for bodies is kept until the answer is there.
 *
 * @throws {Failure} `body-oversized` at the first byte too many, `body-late`, `server-busy`, `body-malformed`; what `use` throws.
 */
export async function withBytes<Result>(
  request: Request,
  { bytesMax, isWrite = false, headers = request.headers }: BodyOptions,
  use: (bytes: Uint8Array<ArrayBuffer>) => Result | Promise<Result>,
): Promise<Result> {
  const length = lengthOf(headers, bytesMax);
  const isShort = length !== undefined && length <= shortBodyBytesMax;
  const reservation = reserved(isWrite ? "write" : isShort ? "short" : "long", length ?? 0);
  const gathered = createByteBuffer();
  try {
    if (isShort) return await use(new Uint8Array(await withDeadline(request.arrayBuffer())));
    await readLong(request, bytesMax, { reservation, gathered });
    return await use(gathered.bytes());
  } finally {
    gathered.free();
    reservation.release();
  }
}

/** @throws {Failure} `server-busy` */
function reserved(room: BodyClass, byteCount: number): Reservation {
  try {
    return reserve(room, byteCount);
  } catch (error) {
    markUnread();
    throw error;
  }
}

/** Nothing is allocated for what is only announced. */
function readLong(
  request: Request,
  bytesMax: number,
  { reservation, gathered }: { readonly reservation: Reservation; readonly gathered: ByteBuffer },
): Promise<void> {
  const { body } = request;
  if (body === null) return Promise.resolve();
  let isLate = false;
  return withDeadline(read(body)).finally(() => isLate = true);

  async function read(body: ReadableStream<Uint8Array>): Promise<void> {
    const pieces = readChunks(body, pieceBytesMax);
    let turnAt = bytesPerTurn;
    for (;;) {
      const piece = await pieces.next();
      // The stream is left as it is and not cancelled: the runtime would wait for its end before it closes the connection.
      if (piece === undefined || isLate) return;
      const byteCount = gathered.byteCount + piece.byteLength;
      if (byteCount > bytesMax) {
        markUnread();
        await pieces.cancel();
        throw bodyOversized(bytesMax);
      }
      reservation.growTo(byteCount);
      gathered.add(piece);
      if (byteCount < turnAt) continue;
      turnAt += bytesPerTurn;
      await yieldToEventLoop();
    }
  }
}

/** The same for a body of text. */
export function withText<Result>(
  request: Request,
  options: BodyOptions,
  use: (text: string) => Result | Promise<Result>,
): Promise<Result> {
  return withBytes(request, options, (bytes) => use(decodeUtf8(bytes)));
}

/**
 * The same for a body that is JSON.
 *
 * @throws {SyntaxError} if it is not: {@link bodyFailure} makes a failure of it.
 */
export async function withJson<Result>(
  request: Request,
  options: BodyOptions,
  use: (body: unknown) => Result | Promise<Result>,
): Promise<Result> {
  const length = lengthOf(request.headers, options.bytesMax);
  if (length === undefined || length > shortBodyBytesMax) return await withLongJson(request, options, use);
  // Most predictions come this way where the runtime has none of its own for whole bodies: nothing is made here but a promise.
  acquireShort();
  try {
    return await use(parseJson(requireUtf8(await withDeadline(request.text()))));
  } finally {
    releaseShort();
  }
}

function withLongJson<Result>(
  request: Request,
  options: BodyOptions,
  use: (body: unknown) => Result | Promise<Result>,
): Promise<Result> {
  const { rowsMax = batchRowsMax } = options;
  return withBytes(request, options, (bytes) => {
    if (bytes.length <= heavyBodyBytes) return use(parseJson(decodeUtf8(bytes)));
    const bounds = { parse: parseJson, rowsMax, containersMax, valuesMax: Infinity };
    // Decoded in its turn: those that wait take no more than their bytes.
    return oneAtATime(async () => use(await parseJsonInTurns(decodeUtf8(bytes), bounds)));
  });
}

/**
 * What to tell a client whose body could not be read; any error that has another cause as it is. A body that is compressed is
 * found here, too, where it is taken as it comes: it is neither UTF-8 nor JSON.
 *
 * @param mayBeCompressed It is not for its compression that it could not be read.
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

/** @throws {Failure} `media-type-invalid` for a body that says it is something else. */
export function requireJson(request: Request): void {
  requirePlain(request);
  const type = request.headers.get("content-type");
  if (type !== null && !isJson(type)) throw mediaTypeInvalid(type);
}

/** @throws {Failure} `media-type-invalid` for a body that says it is compressed. */
export function requirePlain({ headers }: Pick<Request, "headers">): void {
  const encoding = headers.get("content-encoding");
  if (!isPlain(encoding)) throw encodingInvalid(encoding);
}

function isPlain(encoding: string | null): encoding is null {
  return encoding === null || /^ *(?:identity)? *$/i.test(encoding);
}

/** @param others What is taken beside a body that is not compressed. */
export function encodingInvalid(encoding: string, others: readonly string[] = []): Failure {
  const expected = others.length === 0 ? "a body that is not compressed" : `${others.join(", ")} or nothing`;
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
