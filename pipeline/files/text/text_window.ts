import { Failure } from "../../failure.ts";
import type { NextPiece } from "./gunzip.ts";

/** A window that slides over a text file: it holds at least the record that is being read. */
export interface TextWindow {
  readonly bytes: Uint8Array;
  /** Where the next record begins, and where the bytes that have been read end. */
  readonly start: number;
  readonly end: number;
  /** Whether nothing follows behind `end`. */
  readonly isLast: boolean;
  /** Ends a record: the next begins at `start`. */
  moveTo(start: number): void;
  /** Reads on. What was at `start` is at 0 afterwards. @throws {Failure} `file-invalid` for a record without an end. */
  extend(): void;
  bytesRead(): number;
}

const windowBytes = 2 ** 20;
const recordBytesMax = 16 * 2 ** 20;

/**
 * @param name The file, as messages name it.
 * @param nextPiece UTF-8, with or without a byte order mark.
 */
export function openWindow(name: string, nextPiece: NextPiece): TextWindow {
  let piece = nextPiece();
  // A text of one piece needs no room for another.
  let bytes = new Uint8Array(piece.length);
  let [start, end, offset] = [0, 0, 0];
  const extend = () => {
    bytes.copyWithin(0, start, end);
    end -= start;
    start = 0;
    if (end === bytes.length) {
      if (bytes.length >= recordBytesMax) {
        throw new Failure(
          "file-invalid",
          `Cannot read ${name}: a record behind byte ${(offset - end).toLocaleString("en")} is longer than ${
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

/** A window over a text that is in memory already. */
export function windowOver(name: string, bytes: Uint8Array): TextWindow {
  let rest = bytes;
  return openWindow(name, () => {
    const piece = rest;
    rest = new Uint8Array();
    return piece;
  });
}

/** @returns How many bytes it takes. */
function byteOrderMark(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}
