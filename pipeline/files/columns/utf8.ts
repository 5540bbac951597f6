/** The reason for a text that is not UTF-8. */
export const notUtf8 = "text that is not valid UTF-8";

/** Returns whether the bytes are well-formed UTF-8 (The Unicode Standard, table 3-7). */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end;) {
    const first = bytes[i++];
    if (first < 0x80) continue;
    if (first < 0xc2 || first > 0xf4) return false;
    const following = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (i + following > end) return false;
    const second = bytes[i];
    // Excludes overlong forms, surrogates and code points above U+10FFFF.
    const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return false;
    for (let k = 1; k < following; k++) if ((bytes[i + k] & 0xc0) !== 0x80) return false;
    i += following;
  }
  return true;
}
