import { Failure } from "../../pipeline/failure.ts";
import { bodyOversized } from "./body_failure.ts";
import { startSlices } from "../runtime/time_slices.ts";

/** The compressions that are taken: gzip (RFC 1952), also of several members, and deflate, which is zlib's format (RFC 1950). */
export const encodings = ["gzip", "deflate"] as const;
export type Encoding = typeof encodings[number];

/** Bytes that are inflated at once: less than a millisecond. */
const pieceBytes = 64 * 1024;

/** Gives the memory of a piece back at once, where the stream has left it: thousands of them come between two collections. */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}

/** What a body inflates to, one at a time in a thread: buffers of that size would come faster than they are collected. */
let scratch = new Uint8Array(0);

/**
 * Inflates a body, no further than `bytesMax`. The thread answers others meanwhile.
 *
 * @returns Bytes that are valid until the next call in this thread.
 * @throws {Failure} `body-oversized`; `body-malformed` for bytes that do not inflate.
 */
export async function inflate(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: Encoding,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  // Loaded with the first such body: most servers never meet one, and each thread would hold it.
  const { createGunzip, createInflate } = await import("node:zlib");
  const stream = (encoding === "gzip" ? createGunzip : createInflate)({ chunkSize: pieceBytes });
  if (scratch.length < bytesMax) scratch = new Uint8Array(bytesMax);
  let byteCount = 0;
  const pause = startSlices();
  try {
    stream.end(bytes);
    // It inflates a piece when the one before is taken; leaving the loop ends it.
    for await (const piece of stream) {
      if (byteCount + piece.byteLength > bytesMax) throw bodyOversized(bytesMax);
      scratch.set(piece, byteCount);
      byteCount += piece.byteLength;
      free(piece);
      await pause();
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("body-malformed", `The body says that it is ${encoding}, and does not inflate.`);
  }
  return scratch.subarray(0, byteCount);
}
