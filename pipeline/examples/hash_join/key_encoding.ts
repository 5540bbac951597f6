import { mixed } from "../../math/hash.ts";

/**
 * A fixed-width encoding of text keys in 32-bit words: `uuid` as the 16 bytes of a UUID in its canonical spelling, `text` as
 * the length and the bytes of the key in UTF-8. Both are injective.
 */
export type KeyEncoding =
  | { readonly kind: "uuid"; readonly width: number }
  | { readonly kind: "text"; readonly width: number; readonly byteCountMax: number };

export const uuidKeys: KeyEncoding = { kind: "uuid", width: 4 };

/** @param byteCountMax Bytes of the longest key in UTF-8. */
export function textKeys(byteCountMax: number): KeyEncoding {
  return { kind: "text", width: 1 + Math.ceil(byteCountMax / 4), byteCountMax };
}

/** Encodes keys into one buffer, which the next key overwrites. */
export interface KeyWriter {
  /** Shape (width). */
  readonly words: Uint32Array;
  /** @returns Whether the encoding can represent the key. */
  write(key: string): boolean;
}

export function createKeyWriter(encoding: KeyEncoding): KeyWriter {
  const words = new Uint32Array(encoding.width);
  if (encoding.kind === "uuid") return { words, write: (key) => writeUuid(key, words) };
  const bytes = new Uint8Array(words.buffer, 4);
  return {
    words,
    write(key) {
      const count = writeUtf8(key, bytes, encoding.byteCountMax);
      if (count < 0) return false;
      bytes.fill(0, count);
      words[0] = count;
      return true;
    },
  };
}

/** Returns whether a key is a UUID in its canonical spelling: in lower case, with four hyphens. */
export function isUuid(key: string): boolean {
  return writeUuid(key, new Uint32Array(uuidKeys.width));
}

const hyphen = 0x2d;
const uuidLength = 36;
/** By character code: the digit's value, or 16 for any other character. */
const digitOf = new Uint8Array(128).fill(16);
for (const [digit, character] of [..."0123456789abcdef"].entries()) digitOf[character.charCodeAt(0)] = digit;

function writeUuid(key: string, words: Uint32Array): boolean {
  if (key.length !== uuidLength) return false;
  let word = 0;
  let digits = 0;
  for (let i = 0; i < uuidLength; i++) {
    const code = key.charCodeAt(i);
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (code !== hyphen) return false;
      continue;
    }
    const digit = code < 128 ? digitOf[code] : 16;
    if (digit === 16) return false;
    word = (word << 4) | digit;
    if ((++digits & 7) === 0) words[(digits >> 3) - 1] = word;
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

/** Hashes a key to 32 bits. @see MurmurHash3, whose steps these are. */
export function hashOfWords(words: Uint32Array, at: number, width: number): number {
  let hash = 0;
  for (let i = 0; i < width; i++) {
    let word = Math.imul(words[at + i], 0xcc9e2d51);
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    hash ^= word;
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  return mixed(hash);
}
