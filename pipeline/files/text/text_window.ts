import { fileInvalid } from "../../failure.ts";
import type { NextPiece } from "./gunzip.ts";

/** A window that slides over a text file and holds at least the current record. */
export interface TextWindow {
  readonly bytes: Uint8Array;
  /** The start of the next record, and the end of the bytes read. */
  readonly start: number;
  readonly end: number;
  /** Whether the file ends at `end`. */
  readonly isLast: boolean;
  /** Ends a record: the next one begins at `start`. */
  moveTo(start: number): void;
  /** Reads more bytes. What was at `start` is at 0 afterwards. @throws {Failure} `file-invalid` for an endless record. */
  extend(): void;
  bytesRead(): number;
}

const windowBytes = 2 ** 20;
const recordBytesMax = 16 * 2 ** 20;

/**
 * @param name The name of the file in messages.
 * @param nextPiece UTF-8, with or without a byte order mark.
 */
export function openWindow(name: string, nextPiece: NextPiece): TextWindow {
  let piece = nextPiece();
  // A text that is complete needs no more memory.
  let bytes = new Uint8Array(piece.length);
  let [start, end, offset] = [0, 0, 0];
  const extend = () => {
    bytes.copyWithin(0, start, end);
    end -= start;
    start = 0;
    if (end === bytes.length) {
      if (bytes.length >= recordBytesMax) {
        throw fileInvalid(
          `Cannot read ${name}: a record after byte ${(offset - end).toLocaleString("en")} is longer than ${
            recordBytesMax.toLocaleString("en")
          } bytes. Is a quote left open?`,
        );
      }
      const wider = new Uint8Array(Math.max(windowBytes, 2 * bytes.length));
      wider.set(bytes);
      bytes = wider;
    }
    while (end < bytes.length && piece.length > 0) {
      const part = piece.subarray(0, bytes.length - end);
      bytes.set(part, end);
      end += part.length;
      offset += part.length;
      piece = part.length < piece.length ? piece.subarray(part.length) : nextPiece();
    }
  };
  if (piece.length > 0) extendAtFirst();
  start = byteOrderMark(bytes);

  function extendAtFirst(): void {
    const first = piece;
    bytes.set(first, 0);
    [end, offset] = [first.length, first.length];
    piece = nextPiece();
    if (piece.length > 0 && bytes.length < windowBytes) extend();
  }

  return {
    get bytes() {
      return bytes;
    },
    get start() {
      return start;
    },
    get end() {
      return end;
    },
    get isLast() {
      return piece.length === 0;
    },
    moveTo(next) {
      start = next;
    },
    extend,
    bytesRead: () => offset - (end - start),
  };
}

/** Creates a window over a text in memory. */
export function windowOver(name: string, bytes: Uint8Array): TextWindow {
  let rest = bytes;
  return openWindow(name, () => {
    const piece = rest;
    rest = new Uint8Array();
    return piece;
  });
}

/** @returns Its length in bytes. */
function byteOrderMark(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}
