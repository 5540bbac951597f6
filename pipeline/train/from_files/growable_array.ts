import { release } from "../../files/columns/column_buffer.ts";

export type NumberArray = Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** A typed array that grows at its end. */
export type GrowableArray<A extends NumberArray> = ReturnType<typeof createGrowableArray<A>>;

const initialLength = 4_096;

function createGrowableArray<A extends NumberArray>(make: (length: number) => A) {
  let array = make(initialLength);
  let length = 0;
  return {
    /** Longer than `length`; may be another array after each `extend`. */
    get array(): A {
      return array;
    },
    get length(): number {
      return length;
    },
    /** Appends entries with unspecified values. @returns The index of the first. */
    extend(count: number): number {
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
    /** Frees the memory immediately. */
    release(): void {
      release(array);
      array = make(0);
      length = 0;
    },
  };
}

export const growableFloat64 = (): GrowableArray<Float64Array<ArrayBuffer>> =>
  createGrowableArray((n) => new Float64Array(n));
export const growableUint32 = (): GrowableArray<Uint32Array<ArrayBuffer>> =>
  createGrowableArray((n) => new Uint32Array(n));
export const growableUint8 = (): GrowableArray<Uint8Array<ArrayBuffer>> =>
  createGrowableArray((n) => new Uint8Array(n));
