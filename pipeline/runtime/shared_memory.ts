// Typed arrays of zeros in memory that threads share: one thread reads what another writes, without a copy.

export function sharedFloat64(length: number): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(8 * length));
}

export function sharedUint32(length: number): Uint32Array<SharedArrayBuffer> {
  return new Uint32Array(new SharedArrayBuffer(4 * length));
}

export function sharedInt32(length: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

export function sharedUint16(length: number): Uint16Array<SharedArrayBuffer> {
  return new Uint16Array(new SharedArrayBuffer(2 * length));
}

export function sharedUint8(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** Fills an array from the start of another, which is as long or longer. @returns The array. */
export function filled<A extends Float64Array | Uint32Array | Uint16Array | Uint8Array>(
  target: A,
  source: Float64Array | Uint32Array | Uint8Array,
): A {
  target.set(source.subarray(0, target.length));
  return target;
}
