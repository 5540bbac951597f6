import type { ColumnBuffer, TextBuffer } from "../../files/columns/column_buffer.ts";
import { growableUint32, growableUint8 } from "./growable_array.ts";

/** Maps the text keys of a table's rows to row numbers. Rows are numbered in the order in which they were read. */
export interface TextKeyIndex {
  readonly count: number;
  readonly byteCount: number;
  /** Adds the keys of a buffer's rows, from row `from` on. */
  addFrom(buffer: TextBuffer, from: number): void;
  /** Finds the row that a row of another table refers to. @returns Its number, or −1 if there is none. */
  find(buffer: ColumnBuffer, row: number): number;
  release(): void;
}

export function createTextKeyIndex(): TextKeyIndex {
  const bytes = growableUint8();
  const ends = growableUint32();
  /** Open addressing, row number + 1; built at the first lookup that is neither the last row found nor the next one. */
  let slots: Uint32Array<ArrayBuffer> | undefined;
  let cursor = 0;

  const startOf = (keyRow: number) => keyRow === 0 ? 0 : ends.array[keyRow - 1];
  const isAt = (keyRow: number, { bytes: source, spans }: TextBuffer, row: number) => {
    if (keyRow >= ends.length) return false;
    const start = spans[2 * row];
    const length = spans[2 * row + 1] - start;
    const own = startOf(keyRow);
    if (ends.array[keyRow] - own !== length) return false;
    const { array } = bytes;
    // Backwards: keys that contain a number differ at the end.
    for (let i = length - 1; i >= 0; i--) if (array[own + i] !== source[start + i]) return false;
    return true;
  };
  const buildSlots = () => {
    let size = 1_024;
    while (size < 2 * ends.length) size *= 2;
    const built = new Uint32Array(size);
    for (let keyRow = 0; keyRow < ends.length; keyRow++) {
      let slot = hashOf(bytes.array, startOf(keyRow), ends.array[keyRow]) & (size - 1);
      while (built[slot] !== 0) slot = (slot + 1) & (size - 1);
      built[slot] = keyRow + 1;
    }
    return built;
  };
  return {
    get count() {
      return ends.length;
    },
    get byteCount() {
      return bytes.array.byteLength + ends.array.byteLength + (slots?.byteLength ?? 0);
    },
    addFrom({ bytes: source, spans, length }, from) {
      let byteCount = 0;
      for (let i = from; i < length; i++) byteCount += spans[2 * i + 1] - spans[2 * i];
      let to = bytes.extend(byteCount);
      let keyRow = ends.extend(length - from);
      // Texts are usually contiguous: each contiguous range is copied at once.
      let [rangeStart, rangeEnd] = [0, 0];
      const copyRange = () => {
        bytes.array.set(source.subarray(rangeStart, rangeEnd), to);
        to += rangeEnd - rangeStart;
      };
      for (let i = from; i < length; i++) {
        if (spans[2 * i] !== rangeEnd) {
          copyRange();
          rangeStart = spans[2 * i];
        }
        rangeEnd = spans[2 * i + 1];
        ends.array[keyRow++] = to + rangeEnd - rangeStart;
      }
      copyRange();
      slots = undefined;
    },
    find(buffer, row) {
      if (buffer.type !== "TEXT") return -1;
      // Child rows are usually in the order of their parents.
      if (isAt(cursor, buffer, row)) return cursor;
      if (isAt(cursor + 1, buffer, row)) return ++cursor;
      slots ??= buildSlots();
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

/** FNV-1a with the finalizer of MurmurHash3. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
