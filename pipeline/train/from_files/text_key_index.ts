import type { ColumnBuffer, TextBuffer } from "../../files/columns/column_buffer.ts";
import { growableUint32, growingBytes } from "./growable_array.ts";

/** Text keys of a table's rows, in the order in which they were read. */
export interface TextKeys {
  readonly count: number;
  readonly byteCount: number;
  /** Adds those of a buffer's rows from that one on. */
  addFrom(buffer: TextBuffer, row: number): void;
  /**
   * The place of the key that a row of another table refers to.
   *
   * @returns −1 where it is not there.
   */
  find(buffer: ColumnBuffer, row: number): number;
  release(): void;
}

export function createTextKeys(): TextKeys {
  const bytes = growingBytes();
  const ends = growableUint32();
  /** Open addressing: places + 1; made when a key is first looked for that does not lie where the last one did. */
  let slots: Uint32Array<ArrayBuffer> | undefined;
  let cursor = 0;

  const startOf = (place: number) => place === 0 ? 0 : ends.array[place - 1];
  const isAt = (place: number, { bytes: source, spans }: TextBuffer, row: number) => {
    if (place >= ends.length) return false;
    const start = spans[2 * row];
    const length = spans[2 * row + 1] - start;
    const own = startOf(place);
    if (ends.array[place] - own !== length) return false;
    const { array } = bytes;
    // From the end: keys that are numbered differ there.
    for (let i = length - 1; i >= 0; i--) if (array[own + i] !== source[start + i]) return false;
    return true;
  };
  const index = () => {
    let size = 1_024;
    while (size < 2 * ends.length) size *= 2;
    const made = new Uint32Array(size);
    for (let place = 0; place < ends.length; place++) {
      let slot = hashOf(bytes.array, startOf(place), ends.array[place]) & (size - 1);
      while (made[slot] !== 0) slot = (slot + 1) & (size - 1);
      made[slot] = place + 1;
    }
    return made;
  };
  return {
    get count() {
      return ends.length;
    },
    get byteCount() {
      return bytes.array.byteLength + ends.array.byteLength + (slots?.byteLength ?? 0);
    },
    addFrom({ bytes: source, spans, length }, row) {
      let byteCount = 0;
      for (let i = row; i < length; i++) byteCount += spans[2 * i + 1] - spans[2 * i];
      let to = bytes.extend(byteCount);
      let place = ends.extend(length - row);
      // Texts mostly lie one after the other, and are copied together.
      let [pieceStart, pieceEnd] = [0, 0];
      const copyPiece = () => {
        bytes.array.set(source.subarray(pieceStart, pieceEnd), to);
        to += pieceEnd - pieceStart;
      };
      for (let i = row; i < length; i++) {
        if (spans[2 * i] !== pieceEnd) {
          copyPiece();
          pieceStart = spans[2 * i];
        }
        pieceEnd = spans[2 * i + 1];
        ends.array[place++] = to + pieceEnd - pieceStart;
      }
      copyPiece();
      slots = undefined;
    },
    find(buffer, row) {
      if (buffer.type !== "TEXT") return -1;
      // Rows mostly come in the order of those that they refer to.
      if (isAt(cursor, buffer, row)) return cursor;
      if (isAt(cursor + 1, buffer, row)) return ++cursor;
      slots ??= index();
      const mask = slots.length - 1;
      let slot = hashOf(buffer.bytes, buffer.spans[2 * row], buffer.spans[2 * row + 1]) & mask;
      for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
        if (isAt(slots[slot] - 1, buffer, row)) return cursor = slots[slot] - 1;
      }
      return -1;
    },
    release() {
      bytes.release();
      ends.release();
      slots = undefined;
    },
  };
}

/** FNV-1a with the finish of MurmurHash3. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
