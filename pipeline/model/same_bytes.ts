/** Returns whether the bytes at two places are the same, which are compared four at a time. */
export function isSame(a: DataView, from: number, b: DataView, place: number, length: number): boolean {
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    if (a.getInt32(from + i, true) !== b.getInt32(place + i, true)) return false;
  }
  for (; i < length; i++) if (a.getUint8(from + i) !== b.getUint8(place + i)) return false;
  return true;
}
