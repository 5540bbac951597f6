import type { ByteSource } from "./byte_source.ts";
import { Failure } from "../failure.ts";

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

/** @throws {Failure} `file-invalid` for UTF-16. */
export function openWindow(source: ByteSource): TextWindow {
  let bytes = new Uint8Array(Math.min(windowBytes, source.size));
  let [start, end, offset] = [0, 0, 0];
  const extend = () => {
    bytes.copyWithin(0, start, end);
    end -= start;
    start = 0;
    if (end === bytes.length) {
      if (bytes.length >= recordBytesMax) {
        throw new Failure(
          "file-invalid",
          `Cannot read ${source.name}: a record behind byte ${
            (offset - end).toLocaleString("en")
          } is longer than ${recordBytesMax.toLocaleString("en")} bytes. Is a quote left open?`,
        );
      }
      const wider = new Uint8Array(2 * bytes.length);
      wider.set(bytes);
      bytes = wider;
    }
    const chunk = source.read(offset, Math.min(bytes.length - end, source.size - offset));
    bytes.set(chunk, end);
    end += chunk.length;
    offset += chunk.length;
  };
  extend();
  start = byteOrderMark(bytes, source.name);
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
      return offset === source.size;
    },
    moveTo(next) {
      start = next;
    },
    extend,
    bytesRead: () => offset - (end - start),
  };
}

/** @returns How many bytes it takes. */
function byteOrderMark(bytes: Uint8Array, name: string): number {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (isUtf16) throw new Failure("file-invalid", `Cannot read ${name}: it is UTF-16. Save it as UTF-8.`);
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}
