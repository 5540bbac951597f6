import { type ByteSource, openSource } from "../byte_source.ts";
import { gunzip, isGzip, type NextPiece } from "./gunzip.ts";
import type { TextFormat } from "./text_format.ts";
import { openWindow, type TextWindow } from "./text_window.ts";
import { transcode } from "./transcode.ts";

/** An open text file: decompressed if it is gzip, and converted to UTF-8. */
export interface TextInput {
  readonly window: TextWindow;
  /** Returns the number of bytes read of the file itself. */
  bytesRead(): number;
  close(): void;
}

const pieceBytes = 2 ** 20;

/** @throws {Failure} `file-missing`; `file-invalid` for a wrong encoding, or a damaged or truncated file. */
export function openText(path: string, { encoding = "utf-8" }: TextFormat): TextInput {
  const source = openSource(path);
  try {
    const file = piecesOf(source);
    const text = transcode(isPacked(source) ? gunzip(file.next, source.name) : file.next, encoding, path);
    const window = openWindow(path, text);
    const isPlain = encoding === "utf-8" && !isPacked(source);
    return { window, bytesRead: () => isPlain ? window.bytesRead() : file.offset(), close: source.close };
  } catch (error) {
    source.close();
    throw error;
  }
}

/** Reads the first bytes of a file, decompressed if it is gzip. @returns Whether it is. */
export function headOf(source: ByteSource, length: number): { head: Uint8Array; isGzip: boolean } {
  if (!isPacked(source)) return { head: source.read(0, Math.min(length, source.size)), isGzip: false };
  const next = gunzip(piecesOf(source).next, source.name);
  const head = new Uint8Array(length);
  let end = 0;
  for (let piece = next(); piece.length > 0 && end < length; piece = next()) {
    const part = piece.subarray(0, length - end);
    head.set(part, end);
    end += part.length;
  }
  return { head: head.subarray(0, end), isGzip: true };
}

function isPacked(source: ByteSource): boolean {
  return isGzip(source.read(0, Math.min(2, source.size)));
}

function piecesOf(source: ByteSource): { next: NextPiece; offset: () => number } {
  let offset = 0;
  return {
    next() {
      const piece = source.read(offset, Math.min(pieceBytes, source.size - offset));
      offset += piece.length;
      return piece;
    },
    offset: () => offset,
  };
}
