import { createHash } from "node:crypto";
import { openSource } from "./byte_source.ts";
import { release } from "./columns/column_buffer.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";

const pieceBytes = 4 * 2 ** 20;

/** Hashes a file incrementally, in idle time. */
export type FileHashing = ReturnType<typeof openHashing>;

/** @throws {Failure} `file-missing` or `file-invalid`. */
export function openHashing(path: string) {
  const source = openSource(path);
  const hash = createHash("sha256");
  let offset = 0;
  let digest: string | undefined;
  const advance = () => {
    if (offset < source.size) {
      const piece = source.read(offset, Math.min(pieceBytes, source.size - offset));
      hash.update(piece);
      offset += piece.length;
      release(piece);
    }
    return offset < source.size;
  };
  return {
    /** Hashes the next range of bytes. @returns Whether more remain. @throws {Failure} `file-invalid` */
    advance,
    /**
     * Hashes what remains.
     *
     * @returns SHA-256 of the file's bytes, hexadecimal.
     * @throws {Failure} `file-invalid`; the reason of an aborted signal.
     */
    async finish(signal?: AbortSignal): Promise<string> {
      signal?.throwIfAborted();
      while (advance()) {
        // Yields to the event loop, so that Ctrl-C is handled.
        await yieldToEventLoop();
        signal?.throwIfAborted();
      }
      return digest ??= hash.digest("hex");
    },
    close: source.close,
  };
}

/**
 * Returns the SHA-256 of a file's bytes, hexadecimal.
 *
 * @throws {Failure} `file-missing` or `file-invalid`; the reason of an aborted signal.
 */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hashing = openHashing(path);
  try {
    return await hashing.finish(signal);
  } finally {
    hashing.close();
  }
}
