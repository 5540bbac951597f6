import { Failure, fileInvalid } from "../../failure.ts";
import type { NextPiece } from "./gunzip.ts";
import type { TextEncoding } from "./text_format.ts";

/** The characters 0x80 to 0x9f of windows-1252; five of them are undefined. */
const upperOf1252 = "€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ";

/**
 * Converts text to UTF-8 incrementally. UTF-8 passes unchanged; its reader validates it.
 *
 * @param name The name of the file in messages.
 * @throws {Failure} `file-invalid`: at once for a byte order mark of another encoding; from the returned function for bytes that
 *   are not a character.
 */
export function transcode(nextPiece: NextPiece, encoding: TextEncoding, name: string): NextPiece {
  const first = nextPiece().slice();
  const mark = markOf(first);
  if (mark === "utf-16" && encoding !== "utf-16") {
    throw invalid(name, "it is UTF-16. Use --encoding utf-16, or save it as UTF-8");
  }
  if (mark === "utf-8" && encoding !== "utf-8") {
    throw invalid(
      name,
      `it begins with the byte order mark of UTF-8, so it is not ${encoding}. Omit --encoding`,
    );
  }
  const pieces = startingWith(first, nextPiece);
  switch (encoding) {
    case "utf-8":
      return pieces;
    case "utf-16":
      return fromUtf16(pieces, utf16Label(first, name), name);
    case "latin1":
      return fromBytes(pieces, Array.from({ length: 256 }, (_, byte) => byte), encoding, name);
    case "windows-1252":
      return fromBytes(pieces, tableOf1252(), encoding, name);
  }
}

function startingWith(first: Uint8Array, nextPiece: NextPiece): NextPiece {
  let isFirst = true;
  return () => {
    if (!isFirst) return nextPiece();
    isFirst = false;
    return first;
  };
}

function markOf(bytes: Uint8Array): "utf-8" | "utf-16" | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  return isUtf16 ? "utf-16" : undefined;
}

/** Determines the byte order by the mark; without one, by the zero bytes of the header. */
function utf16Label(first: Uint8Array, name: string): "utf-16le" | "utf-16be" {
  if (first[0] === 0xff && first[1] === 0xfe) return "utf-16le";
  if (first[0] === 0xfe && first[1] === 0xff) return "utf-16be";
  if (first[0] !== 0 && first[1] === 0) return "utf-16le";
  if (first[0] === 0 && first[1] !== 0) return "utf-16be";
  throw invalid(name, "it is not UTF-16: it has no byte order mark. Omit --encoding, or give another one");
}

/** Decodes the head of a file, to detect its format. */
export function decodeHead(head: Uint8Array, encoding: TextEncoding, name: string): string {
  if (encoding === "utf-16") return new TextDecoder(utf16Label(head, name)).decode(head);
  return new TextDecoder().decode(head);
}

const encoder = new TextEncoder();
const utf16PieceBytes = 2 ** 16;

function fromUtf16(pieces: NextPiece, label: string, name: string): NextPiece {
  const decoder = new TextDecoder(label, { fatal: true });
  let [piece, at, done, isAtEnd] = [new Uint8Array() as Uint8Array, 0, 0, false];
  const decode = (bytes: Uint8Array, isLast: boolean) => {
    try {
      return decoder.decode(bytes, { stream: !isLast });
    } catch {
      throw invalid(name, `it is not UTF-16 after byte ${done.toLocaleString("en")}`);
    }
  };
  return () => {
    while (!isAtEnd) {
      if (at === piece.length) [piece, at] = [pieces(), 0];
      isAtEnd = piece.length === 0;
      const bytes = piece.subarray(at, at + utf16PieceBytes);
      at += bytes.length;
      const text = decode(bytes, isAtEnd);
      done += bytes.length;
      if (text !== "") return encoder.encode(text);
    }
    return new Uint8Array();
  };
}

function tableOf1252(): number[] {
  return Array.from({ length: 256 }, (_, byte) => {
    if (byte < 0x80 || byte >= 0xa0) return byte;
    return upperOf1252.charCodeAt(byte - 0x80) || -1;
  });
}

/** @param characters The code point of each byte; −1 if undefined. */
function fromBytes(
  pieces: NextPiece,
  characters: readonly number[],
  encoding: TextEncoding,
  name: string,
): NextPiece {
  let done = 0;
  return () => {
    const piece = pieces();
    const text = new Uint8Array(3 * piece.length);
    let to = 0;
    for (let i = 0; i < piece.length; i++) {
      const character = characters[piece[i]];
      if (character < 0) {
        const byte = piece[i].toString(16).toUpperCase();
        throw invalid(
          name,
          `byte ${
            (done + i + 1).toLocaleString("en")
          } is 0x${byte}, which is not a character of ${encoding}. Name another ` +
            "--encoding",
        );
      }
      if (character < 0x80) text[to++] = character;
      else if (character < 0x800) {
        text[to++] = 0xc0 | character >> 6;
        text[to++] = 0x80 | character & 0x3f;
      } else {
        text[to++] = 0xe0 | character >> 12;
        text[to++] = 0x80 | character >> 6 & 0x3f;
        text[to++] = 0x80 | character & 0x3f;
      }
    }
    done += piece.length;
    return text.subarray(0, to);
  };
}

function invalid(name: string, detail: string): Failure {
  return fileInvalid(`Cannot read ${name}: ${detail}.`);
}
