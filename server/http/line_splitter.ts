import { Failure } from "../../pipeline/failure.ts";
import { createByteBuffer } from "./body_reader.ts";
import { decodedUtf8, decodeUtf8 } from "./utf8.ts";

/** A line, or the failure of one that is too long or not UTF-8. */
export type Line = string | Failure;

/** Complete lines. */
export interface CompleteLines {
  /** A line that began in an earlier chunk. */
  readonly first?: Line;
  /** The lines after it as one text, without the last line feed; as a list if some bytes are not UTF-8. */
  readonly others: string | readonly Line[];
}

const lineFeed = 0x0a;

/** Splits chunks of bytes into lines. Holds at most one line and one chunk. */
export function createLineSplitter(lineBytesMax: number) {
  const pending = createByteBuffer();
  let isTooLong = false;

  function append(bytes: Uint8Array): void {
    isTooLong ||= pending.byteCount + bytes.length > lineBytesMax;
    // A line that is too long is skipped up to its end.
    if (isTooLong) pending.clear();
    else pending.add(bytes);
  }

  /** @param last The last bytes of the pending line. */
  function complete(last: Uint8Array): Line {
    append(last);
    const line = isTooLong ? lineOversized(lineBytesMax) : lineOf(pending.bytes());
    pending.clear();
    isTooLong = false;
    return line;
  }

  return {
    /** Bytes of the line that is not complete yet. */
    get pendingBytes(): number {
      return pending.byteCount;
    },
    /** Returns the lines that end in the chunk. */
    split(chunk: Uint8Array): CompleteLines {
      const last = chunk.lastIndexOf(lineFeed);
      if (last < 0) {
        append(chunk);
        return { others: "" };
      }
      const isPending = pending.byteCount > 0 || isTooLong;
      const from = isPending ? chunk.indexOf(lineFeed) + 1 : 0;
      const first = isPending ? complete(chunk.subarray(0, from - 1)) : undefined;
      // Decoded first and then split: a call per line would cost more than the lines.
      const others = from > last ? "" : linesOf(chunk.subarray(from, last));
      if (last + 1 < chunk.length) append(chunk.subarray(last + 1));
      return first === undefined ? { others } : { first, others };
    },
    /** Returns the last line, if it does not end with a line feed. */
    end: (): CompleteLines =>
      pending.byteCount > 0 || isTooLong ? { first: complete(new Uint8Array()), others: "" } : { others: "" },
  };
}

function linesOf(bytes: Uint8Array): CompleteLines["others"] {
  const text = decodedUtf8(bytes);
  if (text !== undefined) return text;
  const lines: Line[] = [];
  for (let from = 0; from <= bytes.length;) {
    const found = bytes.indexOf(lineFeed, from);
    const end = found < 0 ? bytes.length : found;
    lines.push(lineOf(bytes.subarray(from, end)));
    from = end + 1;
  }
  return lines;
}

function lineOf(bytes: Uint8Array): Line {
  try {
    return decodeUtf8(bytes, "The line");
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

export function lineOversized(lineBytesMax: number): Failure {
  return new Failure(
    "body-oversized",
    `The line has more than ${lineBytesMax.toLocaleString("en")} bytes, the maximum for a row.`,
  );
}
