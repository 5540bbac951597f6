import { sharedFloat64, sharedUint16, sharedUint32, sharedUint8 } from "../runtime/shared_memory.ts";
import type { Column } from "./stored_chunk.ts";

/** Makes columns. What is in them is to be overwritten. */
export interface ColumnMaker {
  float64(length: number): Float64Array<SharedArrayBuffer>;
  uint32(length: number): Uint32Array<SharedArrayBuffer>;
  uint16(length: number): Uint16Array<SharedArrayBuffer>;
  uint8(length: number): Uint8Array<SharedArrayBuffer>;
}

/** Makes each column anew: it stays where it is. */
export const newColumns: ColumnMaker = {
  float64: sharedFloat64,
  uint32: sharedUint32,
  uint16: sharedUint16,
  uint8: sharedUint8,
};

/**
 * Makes columns of the memory of those that were given back. The engine frees shared memory late: it does not count it
 * when it decides whether to look for garbage.
 */
export interface ColumnPool extends ColumnMaker {
  /** Takes a column back, if it is of this pool; nobody uses it any more. */
  giveBack(column: Column): void;
}

export function createColumnPool(): ColumnPool {
  const own = new WeakSet<SharedArrayBuffer>();
  const free: SharedArrayBuffer[] = [];
  const take = (byteCount: number) => {
    const at = free.findIndex(({ byteLength }) => byteCount <= byteLength && byteLength <= 2 * byteCount);
    if (at >= 0) return free.splice(at, 1)[0];
    const bytes = new SharedArrayBuffer(byteCount);
    own.add(bytes);
    return bytes;
  };
  return {
    float64: (length) => new Float64Array(take(8 * length), 0, length),
    uint32: (length) => new Uint32Array(take(4 * length), 0, length),
    uint16: (length) => new Uint16Array(take(2 * length), 0, length),
    uint8: (length) => new Uint8Array(take(length), 0, length),
    giveBack({ buffer }) {
      if (own.has(buffer) && !free.includes(buffer)) free.push(buffer);
    },
  };
}
