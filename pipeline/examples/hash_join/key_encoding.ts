import { mixed } from "../../math/hash.ts";

/**
 * A fixed-width encoding of text keys in 32-bit words: `uuid` as the 16 bytes of a UUID in its canonical spelling, `text` as
 * the length and the bytes of the key in UTF-8. Both are injective.
 */
export type KeyEncoding =
  | { readonly kind: "uuid"; readonly width: number }
  | { readonly kind: "text"; readonly width: number; readonly byteCountMax: number };

export const uuidKeys: KeyEncoding = { kind: "uuid", width: 4 };
/** Of rows that are found by their places. */
export const noKeys: KeyEncoding = { kind: "uuid", width: 0 };

/** @param byteCountMax Bytes of the longest key in UTF-8. */
export function textKeys(byteCountMax: number): KeyEncoding {
  return { kind: "text", width: 1 + Math.ceil(byteCountMax / 4), byteCountMax };
}

/** Returns a key as a text. Integers are equal if their digits are. */
export function keyText(key: unknown): string | undefined {
  if (typeof key === "string") return key;
  return typeof key === "number" || typeof key === "bigint" ? String(key) : undefined;
}

/** Encodes keys into one buffer, which the next key overwrites. */
export interface KeyWriter {
  /** Shape (width). */
  readonly words: Uint32Array;
  /** @returns Whether the encoding can represent the key. */
  write(key: string): boolean;
  /** Writes the key `source[start..end)`, which is UTF-8. @returns As `write`. */
  writeBytes(source: Uint8Array, start: number, end: number): boolean;
}

export function createKeyWriter(encoding: KeyEncoding): KeyWriter {
  const words = new Uint32Array(encoding.width);
  if (encoding.kind === "uuid") {
    return {
      words,
      write: (key) => writeUuid(key, words),
      writeBytes: (source, start, end) => writeUuidBytes(source, start, end, words),
    };
  }
  const bytes = new Uint8Array(words.buffer, 4);
  const end = (count: number) => {
    if (count < 0) return false;
    bytes.fill(0, count);
    words[0] = count;
    return true;
  };
  return {
    words,
    write: (key) => end(writeUtf8(key, bytes, encoding.byteCountMax)),
    writeBytes(source, start, to) {
      const count = to - start;
      if (count > encoding.byteCountMax) return false;
      for (let i = 0; i < count; i++) bytes[i] = source[start + i];
      return end(count);
    },
  };
}

/** Returns a function that decodes the key at `words[at]` to UTF-8, valid until its next call. */
export function createKeyReader(encoding: KeyEncoding): (words: Uint32Array, at: number) => Uint8Array {
  if (encoding.kind === "text") {
    const own = new Uint32Array(encoding.width);
    const bytes = new Uint8Array(own.buffer, 4);
    return (words, at) => {
      for (let i = 0; i < own.length; i++) own[i] = words[at + i];
      return bytes.subarray(0, own[0]);
    };
  }
  const bytes = new Uint8Array(uuidLength).fill(hyphen);
  return (words, at) => {
    let digit = 0;
    for (let i = 0; i < uuidLength; i++) {
      if (isHyphenAt(i)) continue;
      bytes[i] = digits.charCodeAt((words[at + (digit >> 3)] >>> (28 - 4 * (digit & 7))) & 15);
      digit++;
    }
    return bytes;
  };
}

/** Returns whether a key is a UUID in its canonical spelling: in lower case, with four hyphens. */
export function isUuid(key: string): boolean {
  return writeUuid(key, new Uint32Array(uuidKeys.width));
}

const hyphen = 0x2d;
export const uuidLength = 36;
const digits = "0123456789abcdef";
/** By the codes of two characters: the value of two digits, or −1. */
const byteOf = new Int16Array(2 ** 16).fill(-1);
for (let i = 0; i < 256; i++) byteOf[(digits.charCodeAt(i >> 4) << 8) | digits.charCodeAt(i & 15)] = i;

function isHyphenAt(i: number): boolean {
  return i === 8 || i === 13 || i === 18 || i === 23;
}

function writeUuid(key: string, words: Uint32Array): boolean {
  if (key.length !== uuidLength) return false;
  for (let i = 0; i < uuidLength; i++) {
    const code = key.charCodeAt(i);
    if (code >= 128) return false;
    uuidText[i] = code;
  }
  return writeUuidBytes(uuidText, 0, uuidLength, words);
}

const uuidText = new Uint8Array(uuidLength);

function writeUuidBytes(source: Uint8Array, start: number, end: number, words: Uint32Array): boolean {
  if (end - start !== uuidLength) return false;
  let at = start;
  for (let word = 0; word < 4; word++) {
    let value = 0;
    let all = 0;
    for (let k = 0; k < 4; k++, at += 2) {
      // After the digits 8, 12, 16 and 20.
      if ((word === 1 || word === 2) && (k & 1) === 0 && source[at++] !== hyphen) return false;
      const byte = byteOf[(source[at] << 8) | source[at + 1]];
      all |= byte;
      value = (value << 8) | byte;
    }
    if (all < 0) return false;
    words[word] = value;
  }
  return true;
}

const encoder = new TextEncoder();

/** @returns Bytes written; −1 if there are more than `byteCountMax`, or the key contains a replacement character. */
function writeUtf8(key: string, bytes: Uint8Array, byteCountMax: number): number {
  if (key.length > byteCountMax) return -1;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if (code >= 128) {
      // SQLite returns invalid UTF-8 as replacement characters, so that different keys may look equal.
      if (key.includes("\ufffd")) return -1;
      // Not encodeInto: on Deno 2.7 it returns wrong counts once its caller has been compiled.
      const encoded = encoder.encode(key);
      if (encoded.length > byteCountMax) return -1;
      bytes.set(encoded);
      return encoded.length;
    }
    bytes[i] = code;
  }
  return key.length;
}

/** Hashes a key to 32 bits: the same in a wider encoding of texts. @see MurmurHash3, whose steps these are. */
export function hashOfKey({ kind, width: widest }: KeyEncoding, words: Uint32Array, at: number): number {
  // What follows a text is 0.
  const width = kind === "text" ? 1 + ((words[at] + 3) >>> 2) : widest;
  let hash = 0;
  for (let i = 0; i < width; i++) {
    let word = Math.imul(words[at + i], 0xcc9e2d51);
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    hash ^= word;
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  return mixed(hash);
}
