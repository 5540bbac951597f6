/**
 * Returns a 32-bit hash of the UTF-16 code units of a value's text: the same on every machine, and equal for 12 and "12".
 *
 * @see Fowler, Noll, Vo: FNV-1a; the finish is that of MurmurHash3.
 */
export function hashOf(value: unknown): number {
  const text = typeof value === "string" ? value : String(value);
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mixed(hash);
}

/** Returns `hashOf` of the text whose code units are the given bytes. */
export function hashOfAscii(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return mixed(hash);
}

/** Spreads each bit of a word over all 32 bits. */
export function mixed(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
