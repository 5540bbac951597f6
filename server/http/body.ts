import { parseJson } from "../../pipeline/exact_json.ts";
import { nextSlice, oneAtATime } from "../runtime/time_slices.ts";
import { markUnread, withDeadline } from "./body_deadline.ts";
import { bodyOversized, rejectTwoLengths } from "./body_failure.ts";
import {
  acquireShort,
  type BodyClass,
  releaseShort,
  type Reservation,
  reserve,
  shortBodyBytesMax,
} from "./body_quota.ts";
import { type ByteBuffer, createByteBuffer, readChunks } from "./body_reader.ts";
import { parseJsonInTurns } from "./incremental_json.ts";
import { batchRowsMax } from "./row_limits.ts";
import { decodeUtf8, requireUtf8 } from "./utf8.ts";

/** Parsed, a longer body takes a multiple of its memory: such bodies are parsed and answered one at a time. */
export const heavyBodyBytes = 128 * 1024;

/** Lists and objects of a long body. */
const containersMax = 50 * batchRowsMax;

/** Memory of a body that stalls, in addition to what it has sent. */
const chunkBytesMax = 16 * 1024;

/**
 * Bytes that are read before other requests are served: those that have arrived are read without a turn of the event loop.
 * Bodies that arrive together take turns, so that other requests wait for one part of one of them. A turn costs a timer, which
 * one body alone pays less often.
 */
const bytesPerTurn = { alone: 256 * 1024, together: 64 * 1024 };
let arriving = 0;

/**
 * @returns The `Content-Length` of a request; undefined if it has none.
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
  /** The maximum length. */
  readonly bytesMax: number;
  /** Writes have their own quota. */
  readonly isWrite?: boolean;
  /** The request's headers, if they can be read at a lower cost. */
  readonly headers?: Pick<Headers, "get">;
  /** The maximum number of entries of a list or an object in the first levels of a long JSON body. */
  readonly rowsMax?: number;
}

/**
 * Reads a body and answers it. The body counts towards its quota until the answer is complete.
 *
 * @throws {Failure} `body-oversized` at the first byte beyond the maximum, `body-late`, `server-busy`, `body-malformed`; any
 *   error that `use` throws.
 */
export async function withBytes<Result>(
  request: Request,
  { bytesMax, isWrite = false, headers = request.headers }: BodyOptions,
  use: (bytes: Uint8Array<ArrayBuffer>) => Result | Promise<Result>,
): Promise<Result> {
  const length = lengthOf(headers, bytesMax);
  const isShort = length !== undefined && length <= shortBodyBytesMax;
  const reservation = reserveOrMark(isWrite ? "write" : isShort ? "short" : "long", length ?? 0);
  const buffer = createByteBuffer();
  try {
    if (isShort) return await use(new Uint8Array(await withDeadline(request.arrayBuffer())));
    await readLong(request, bytesMax, { reservation, buffer });
    return await use(buffer.bytes());
  } finally {
    buffer.free();
    reservation.release();
  }
}

/** @throws {Failure} `server-busy` */
function reserveOrMark(bodyClass: BodyClass, byteCount: number): Reservation {
  try {
    return reserve(bodyClass, byteCount);
  } catch (error) {
    markUnread();
    throw error;
  }
}

/** Allocates memory for bytes that arrive, not for those that are announced. */
function readLong(
  request: Request,
  bytesMax: number,
  { reservation, buffer }: { readonly reservation: Reservation; readonly buffer: ByteBuffer },
): Promise<void> {
  const { body } = request;
  if (body === null) return Promise.resolve();
  let isLate = false;
  arriving++;
  return withDeadline(read(body)).finally(() => {
    isLate = true;
    arriving--;
  });

  async function read(body: ReadableStream<Uint8Array>): Promise<void> {
    const chunks = readChunks(body, chunkBytesMax);
    let turnFrom = 0;
    for (;;) {
      const chunk = await chunks.next();
      // The stream is not cancelled: the runtime would wait for its end before it closes the connection.
      if (chunk === undefined || isLate) return;
      const byteCount = buffer.byteCount + chunk.byteLength;
      if (byteCount > bytesMax) {
        markUnread();
        await chunks.cancel();
        throw bodyOversized(bytesMax);
      }
      reservation.growTo(byteCount);
      buffer.add(chunk);
      if (byteCount - turnFrom < (arriving > 1 ? bytesPerTurn.together : bytesPerTurn.alone)) continue;
      turnFrom = byteCount;
      await nextSlice();
    }
  }
}

/** As {@link withBytes}, for a body of text. */
export function withText<Result>(
  request: Request,
  options: BodyOptions,
  use: (text: string) => Result | Promise<Result>,
): Promise<Result> {
  return withBytes(request, options, (bytes) => use(decodeUtf8(bytes)));
}

/**
 * As {@link withBytes}, for a body of JSON.
 *
 * @param useBytes Answers a short body, which is not decoded then.
 * @throws {SyntaxError} if it is not JSON: `bodyFailure` turns it into a failure.
 */
export async function withJson<Result>(
  request: Request,
  options: BodyOptions,
  use: (body: unknown) => Result | Promise<Result>,
  useBytes?: (bytes: Uint8Array) => Result | Promise<Result>,
): Promise<Result> {
  const length = lengthOf(request.headers, options.bytesMax);
  if (length === undefined || length > shortBodyBytesMax) return await withLongJson(request, options, use);
  // Most predictions take this way if `createBufferedTextReader` has no support: it allocates only a promise.
  acquireShort();
  try {
    const result = useBytes
      ? useBytes(new Uint8Array(await withDeadline(request.arrayBuffer())))
      : use(parseJson(requireUtf8(await withDeadline(request.text()))));
    // Most results are no promises, and to await them takes a turn.
    return result instanceof Promise ? await result : result;
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
    // Decoded only when it is its turn: a body that waits takes no more than its bytes.
    return oneAtATime(async () => use(await parseJsonInTurns(decodeUtf8(bytes), bounds)));
  });
}
