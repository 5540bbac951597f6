import { mixed } from "../../math/hash.ts";

/**
 * How text keys are held side by side as equally many words each: `uuid` as the 16 bytes that a UUID in its usual spelling
 * stands for, `text` as the length and the bytes of its UTF-8. Different keys have different words either way.
 */
export type KeyEncoding =
  | { readonly kind: "uuid"; readonly width: number }
  | { readonly kind: "text"; readonly width: number; readonly byteCountMax: number };

export const uuidKeys: KeyEncoding = { kind: "uuid", width: 4 };

/** @param byteCountMax Of a key, in UTF-8. */
export function textKeys(byteCountMax: number): KeyEncoding {
  return { kind: "text", width: 1 + Math.ceil(byteCountMax / 4), byteCountMax };
}

/** Writes the words of keys to one place, which each key takes over from the one before. */
export interface KeyWriter {
  /** Shape (width). */
  readonly words: Uint32Array;
  /** @returns Whether the key has words in this coding. */
  write(key: string): boolean;
}

export function createKeyWriter(coding: KeyEncoding): KeyWriter {
  const words = new Uint32Array(coding.width);
  if (coding.kind === "uuid") return { words, write: (key) => writeUuid(key, words) };
  const bytes = new Uint8Array(words.buffer, 4);
  return {
    words,
    write(key) {
      const count = writeUtf8(key, bytes, coding.byteCountMax);
      if (count < 0) return false;
      bytes.fill(0, count);
      words[0] = count;
      return true;
    },
  };
}

/** Whether this is a UUID in its usual spelling: in lower case, with four hyphens. */
export function isUuid(key: string): boolean {
  return writeUuid(key, new Uint32Array(uuidKeys.width));
}

const hyphen = 0x2d;
const uuidLength = 36;
/** By character code: the digit's value, or 16 for what is none. */
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

/** @returns How many bytes were written; −1 where there are more, or some stand for bytes that were no text. */
function writeUtf8(key: string, bytes: Uint8Array, byteCountMax: number): number {
  if (key.length > byteCountMax) return -1;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if (code >= 128) {
      // What is no UTF-8 in the store comes as the replacement character, whatever it was.
      if (key.includes("\ufffd")) return -1;
      // Not encodeInto: on Deno 2.7 it tells wrong counts once the engine has compiled what calls it.
      const encoded = encoder.encode(key);
      if (encoded.length > byteCountMax) return -1;
      bytes.set(encoded);
      return encoded.length;
    }
    bytes[i] = code;
  }
  return key.length;
}

/** Spreads keys over all 32 bits. @see MurmurHash3, whose steps these are. */
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
