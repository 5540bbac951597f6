/** Positions are packed in two bytes each if they fit, else in four. */
const narrowMax = 0xffff;

/** Packs a table's row, or column, of each position: little-endian integers, base64. */
export function packPositions(positions: ArrayLike<number>): string {
  const isNarrow = Array.from(positions).every((position) => position <= narrowMax);
  const width = isNarrow ? 2 : 4;
  const view = new DataView(new ArrayBuffer(width * positions.length));
  for (let i = 0; i < positions.length; i++) {
    if (isNarrow) view.setUint16(2 * i, positions[i], true);
    else view.setUint32(4 * i, positions[i], true);
  }
  return new Uint8Array(view.buffer).toBase64();
}

/** @param count Number of positions. @returns undefined if the text is not of that many positions. */
export function unpackPositions(text: string, count: number): Int32Array | undefined {
  const view = viewOf(text);
  const width = view?.byteLength === 2 * count ? 2 : view?.byteLength === 4 * count ? 4 : 0;
  if (!view || width === 0) return undefined;
  return Int32Array.from(
    { length: count },
    (_, i) => width === 2 ? view.getUint16(2 * i, true) : view.getInt32(4 * i, true),
  );
}

/** Packs the cells of a table, rounded to little-endian float32, base64. */
export function packCells(cells: Float64Array): string {
  const view = new DataView(new ArrayBuffer(4 * cells.length));
  cells.forEach((cell, i) => view.setFloat32(4 * i, cell, true));
  return new Uint8Array(view.buffer).toBase64();
}

/** @returns undefined if the text is not one of finite numbers. */
export function unpackCells(text: string): Float64Array | undefined {
  const view = viewOf(text);
  if (!view || view.byteLength % 4 !== 0) return undefined;
  const cells = Float64Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
  return cells.every(Number.isFinite) ? cells : undefined;
}

function viewOf(text: string): DataView | undefined {
  const bytes = unpackBytes(text);
  return bytes && new DataView(bytes.buffer);
}

/** @returns undefined if the text is not base64. */
export function unpackBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}
