import { decodedUtf8 } from "../../http/utf8.ts";
import { invalid } from "../protocol_rows.ts";

/** Bytes per value; 0 for BYTES, whose values vary in length. */
export const datatypes = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: 0,
} as const;

export type Datatype = keyof typeof datatypes;

const readers: Readonly<Record<Exclude<Datatype, "BYTES">, (view: DataView, at: number) => unknown>> = {
  BOOL: (view, at) => view.getUint8(at) !== 0,
  UINT8: (view, at) => view.getUint8(at),
  UINT16: (view, at) => view.getUint16(at, true),
  UINT32: (view, at) => view.getUint32(at, true),
  UINT64: (view, at) => exact(view.getBigUint64(at, true)),
  INT8: (view, at) => view.getInt8(at),
  INT16: (view, at) => view.getInt16(at, true),
  INT32: (view, at) => view.getInt32(at, true),
  INT64: (view, at) => exact(view.getBigInt64(at, true)),
  FP16: (view, at) => present(view.getFloat16(at, true)),
  BF16: (view, at) => present(bfloatOf(view.getUint16(at, true))),
  FP32: (view, at) => present(view.getFloat32(at, true)),
  FP64: (view, at) => present(view.getFloat64(at, true)),
};

/** The bytes of binary tensors. */
export type TensorBytes = ReturnType<typeof tensorBytes>;

export function tensorBytes(bytes: Uint8Array<ArrayBuffer>) {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Position of a tensor in the bytes, its number of values, and its pointer. */
export interface TensorLocation {
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly at: string;
}

/** Values that may be decoded on access. Arrays qualify too. */
export type Values = Pick<readonly unknown[], "length" | "at">;

/**
 * Reads the values of a binary tensor: little-endian, without gaps; a string as its length in bytes (uint32) and its UTF-8.
 *
 * @returns Numbers, booleans and strings. NaN, which marks an unknown value in arrays of numbers, becomes null. An integer
 *   that a double cannot represent exactly becomes a bigint.
 * @throws {Failure} `input-invalid` if the number of bytes does not match the number of values, or a string is not UTF-8.
 */
export function readTensorBytes(
  { bytes, view }: TensorBytes,
  datatype: Datatype,
  location: TensorLocation,
): Values {
  if (datatype === "BYTES") return readTexts(bytes, view, location);
  const { start, end, count, at } = location;
  const size = datatypes[datatype];
  if (end - start !== count * size) {
    throw invalid(at, `has ${end - start} bytes, expected ${count} values of ${size}`);
  }
  const read = readers[datatype];
  return { length: count, at: (index) => read(view, start + index * size) };
}

function readTexts(bytes: Uint8Array, view: DataView, { start, end, count, at }: TensorLocation): string[] {
  const texts: string[] = [];
  for (let offset = start; offset < end;) {
    if (texts.length === count) throw invalid(at, `has more than the ${count} strings of its shape`);
    const from = offset + 4;
    const to = from <= end ? from + view.getUint32(offset, true) : Infinity;
    if (to > end) throw invalid(at, "ends in the middle of a string");
    const text = textAt(bytes, from, to);
    if (text === undefined) {
      throw invalid(`${at}/data/${texts.length}`, "is not a string: its bytes are not valid UTF-8");
    }
    texts.push(text);
    offset = to;
  }
  return texts;
}

/** Up to this length, concatenating ASCII characters is faster than calling a decoder. */
const shortTextMax = 32;

/** @returns undefined for bytes that are not valid UTF-8. */
function textAt(bytes: Uint8Array, from: number, to: number): string | undefined {
  if (to - from > shortTextMax) return decodedUtf8(bytes.subarray(from, to));
  let text = "";
  for (let i = from; i < to; i++) {
    if (bytes[i] >= 0x80) return decodedUtf8(bytes.subarray(from, to));
    text += String.fromCharCode(bytes[i]);
  }
  return text;
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function present(value: number): number | null {
  return value === value ? value : null;
}

const word = new DataView(new ArrayBuffer(4));

/** Decodes bfloat16, the upper half of a binary32. */
function bfloatOf(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}
