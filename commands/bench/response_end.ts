/** The end of an HTTP/1.1 response in a buffer. */
export interface ResponseEnd {
  readonly status: number;
  /** Length of the response, head and body. */
  readonly bytes: number;
}

const [carriageReturn, lineFeed, zero, lowerCase] = [13, 10, 48, 32];
const lengthHeader = new TextEncoder().encode("\r\ncontent-length:");
const lastChunk = new TextEncoder().encode("\r\n0\r\n\r\n");

/**
 * Finds the end of the one response in a buffer. A chunked body ends with its last chunk at the end of the buffer: JSON has
 * no carriage return by which it could be mistaken.
 *
 * @param length Number of bytes in the buffer.
 * @returns undefined if more has to be read.
 */
export function responseEnd(buffer: Uint8Array, length: number): ResponseEnd | undefined {
  const headEnd = endOfHead(buffer, length);
  if (headEnd < 0) return undefined;
  // "HTTP/1.1 200"
  const status = 100 * (buffer[9] - zero) + 10 * (buffer[10] - zero) + (buffer[11] - zero);
  const bodyBytes = contentLength(buffer, headEnd);
  if (bodyBytes === undefined) {
    return lastChunk.every((byte, i) => buffer[length - lastChunk.length + i] === byte)
      ? { status, bytes: length }
      : undefined;
  }
  const bytes = headEnd + bodyBytes;
  return length < bytes ? undefined : { status, bytes };
}

/** Returns the index behind the empty line; -1 if there is none yet. */
function endOfHead(buffer: Uint8Array, length: number): number {
  for (let i = 3; i < length; i++) {
    if (
      buffer[i] === lineFeed && buffer[i - 1] === carriageReturn && buffer[i - 2] === lineFeed &&
      buffer[i - 3] === carriageReturn
    ) return i + 1;
  }
  return -1;
}

function contentLength(buffer: Uint8Array, headEnd: number): number | undefined {
  for (let i = 0; i + lengthHeader.length < headEnd; i++) {
    // Most bytes are no carriage return.
    if (buffer[i] !== carriageReturn || !isHeaderAt(buffer, i)) continue;
    let value = 0;
    for (let j = i + lengthHeader.length; buffer[j] !== carriageReturn; j++) {
      if (buffer[j] >= zero) value = 10 * value + buffer[j] - zero;
    }
    return value;
  }
  return undefined;
}

function isHeaderAt(buffer: Uint8Array, start: number): boolean {
  for (let i = 0; i < lengthHeader.length; i++) {
    const byte = buffer[start + i];
    const isLetter = byte >= 65 && byte <= 90;
    if ((isLetter ? byte | lowerCase : byte) !== lengthHeader[i]) return false;
  }
  return true;
}
