import { sha256Word } from "../math/sha256.ts";

const encoder = new TextEncoder();
let bytes = new Uint8Array(256);

/** Returns the first 32 bits of the SHA-256 of a value's text in UTF-8: a hash of groups that SQL engines compute, too. It is equal for 12 and "12". */
export function sha256WordOf(value: unknown): number {
  const text = typeof value === "string" ? value : String(value);
  // A code unit has at most 3 bytes.
  if (bytes.length < 3 * text.length) bytes = new Uint8Array(6 * text.length);
  return sha256Word(bytes, 0, encoder.encodeInto(text, bytes).written);
}
