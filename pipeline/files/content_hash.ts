import { createHash } from "node:crypto";
import { openSource } from "./byte_source.ts";
import { nextTask } from "../stepwise.ts";

const pieceBytes = 4 * 2 ** 20;

/**
 * SHA-256 of a file's bytes, hexadecimal.
 *
 * @throws {Failure} `file-missing` or `file-invalid`; what the signal was aborted with.
 */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const source = openSource(path);
  try {
    const hash = createHash("sha256");
    for (let offset = 0; offset < source.size; offset += pieceBytes) {
      // A turn of the event loop, in which Ctrl-C is heard.
      if (offset > 0) await nextTask();
      signal?.throwIfAborted();
      hash.update(source.read(offset, Math.min(pieceBytes, source.size - offset)));
    }
    return hash.digest("hex");
  } finally {
    source.close();
  }
}
