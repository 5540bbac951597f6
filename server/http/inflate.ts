import { Failure } from "../../pipeline/failure.ts";
import { bodyOversized } from "./body_failure.ts";
import { startSlices } from "../runtime/time_slices.ts";

/** Supported encodings: gzip (RFC 1952), with one or several members, and deflate, which is the zlib format (RFC 1950). */
export const encodings = ["gzip", "deflate"] as const;
export type Encoding = typeof encodings[number];

/** Bytes that are inflated at once, in less than a millisecond. */
const chunkBytes = 64 * 1024;

/** Frees a chunk at once: thousands of them come between two garbage collections. */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}

/** The inflated body, one at a time per thread: new buffers of that size would come faster than they are collected. */
let scratch = new Uint8Array(0);

/**
 * Inflates a body up to `bytesMax`. The thread serves other requests in between.
 *
 * @returns Bytes, valid until the next call in this thread.
 * @throws {Failure} `body-oversized`; `body-malformed` for bytes that do not inflate.
 */
export async function inflate(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: Encoding,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  // Loaded with the first compressed body: most servers never receive one, and each thread would hold the module.
  const { createGunzip, createInflate } = await import("node:zlib");
  const stream = (encoding === "gzip" ? createGunzip : createInflate)({ chunkSize: chunkBytes });
  if (scratch.length < bytesMax) scratch = new Uint8Array(bytesMax);
  let byteCount = 0;
  const pause = startSlices();
  try {
    stream.end(bytes);
    // It inflates the next chunk when the last one is read; leaving the loop destroys the stream.
    for await (const chunk of stream) {
      if (byteCount + chunk.byteLength > bytesMax) throw bodyOversized(bytesMax);
      scratch.set(chunk, byteCount);
      byteCount += chunk.byteLength;
      free(chunk);
      await pause();
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(
      "body-malformed",
      `The body has the Content-Encoding ${encoding}, but cannot be inflated.`,
    );
  }
  return scratch.subarray(0, byteCount);
}
