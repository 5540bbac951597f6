import { release } from "../../files/columns/column_buffer.ts";

export type Entries = Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** An array to which entries are added at its end. */
export interface GrowableArray<A extends Entries> {
  /** Longer than `length`; another one after each `extend`. */
  readonly array: A;
  readonly length: number;
  /** Makes room for more entries, zeros or not. @returns Where they begin. */
  extend(count: number): number;
  /** Gives the memory back at once. */
  release(): void;
}

const lengthFirst = 4_096;

export function createGrowing<A extends Entries>(make: (length: number) => A): GrowableArray<A> {
  let array = make(lengthFirst);
  let length = 0;
  return {
    get array() {
      return array;
    },
    get length() {
      return length;
    },
    extend(count) {
      const from = length;
      length += count;
      if (length > array.length) {
        const larger = make(Math.max(length, 2 * array.length));
        larger.set(array.subarray(0, from));
        release(array);
        array = larger;
      }
      return from;
    },
    release() {
      release(array);
      array = make(0);
      length = 0;
    },
  };
}

export const growingReals = (): GrowableArray<Float64Array<ArrayBuffer>> =>
  createGrowing((n) => new Float64Array(n));
export const growableUint32 = (): GrowableArray<Uint32Array<ArrayBuffer>> =>
  createGrowing((n) => new Uint32Array(n));
export const growingBytes = (): GrowableArray<Uint8Array<ArrayBuffer>> =>
  createGrowing((n) => new Uint8Array(n));
