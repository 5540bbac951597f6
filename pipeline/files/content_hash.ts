import { createHash } from "node:crypto";
import { openSource } from "./byte_source.ts";
import { release } from "./columns/column_buffer.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";

const pieceBytes = 4 * 2 ** 20;

/** The hashing of a file, piece by piece: what has nothing else to do can go on with it. */
export interface FileHashing {
  /** Hashes another piece. @returns Whether there are more. @throws {Failure} `file-invalid` */
  advance(): boolean;
  /**
   * Hashes the rest.
   *
   * @returns SHA-256 of the file's bytes, hexadecimal.
   * @throws {Failure} `file-invalid`; what the signal was aborted with.
   */
  finish(signal?: AbortSignal): Promise<string>;
  close(): void;
}

/** @throws {Failure} `file-missing` or `file-invalid`. */
export function openHashing(path: string): FileHashing {
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
    advance,
    async finish(signal) {
      signal?.throwIfAborted();
      while (advance()) {
        // A turn of the event loop, in which Ctrl-C is heard.
        await yieldToEventLoop();
        signal?.throwIfAborted();
      }
      return digest ??= hash.digest("hex");
    },
    close: source.close,
  };
}

/**
 * SHA-256 of a file's bytes, hexadecimal.
 *
 * @throws {Failure} `file-missing` or `file-invalid`; what the signal was aborted with.
 */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hashing = openHashing(path);
  try {
    return await hashing.finish(signal);
  } finally {
    hashing.close();
  }
}
