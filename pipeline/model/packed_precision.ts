/** Packs the lower triangle as base64 of little-endian float64, row by row. */
export function packPrecision(precision: Float64Array): string {
  const size = Math.sqrt(precision.length);
  const view = new DataView(new ArrayBuffer(4 * size * (size + 1)));
  for (let i = 0, at = 0; i < size; i++) {
    for (let j = 0; j <= i; j++, at += 8) view.setFloat64(at, precision[i * size + j], true);
  }
  return new Uint8Array(view.buffer).toBase64();
}

/** @returns undefined if the text does not hold a triangle of that size. */
export function unpackPrecision(text: string, size: number): Float64Array | undefined {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
  if (bytes.length !== 4 * size * (size + 1)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const precision = new Float64Array(size * size);
  for (let i = 0, at = 0; i < size; i++) {
    for (let j = 0; j <= i; j++, at += 8) {
      precision[i * size + j] = precision[j * size + i] = view.getFloat64(at, true);
    }
  }
  return precision;
}
