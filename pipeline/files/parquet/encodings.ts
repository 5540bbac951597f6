import type { Encoding, SchemaElement } from "hyparquet";
import { byteStreamSplit, deltaBinaryUnpack } from "./hyparquet_internals.ts";
import type { ColumnBuffer } from "../columns/column_buffer.ts";
import { NotSupported } from "./not_supported.ts";

/** The values of a page in the physical types of the file, valid as long as the page. */
export type RawValues =
  /** Pairs of 32-bit words, the low one first, in memory that is aligned for 64 bits. */
  | { readonly kind: "integers"; readonly words: Int32Array }
  | { readonly kind: "reals"; readonly values: Float64Array | Float32Array }
  | { readonly kind: "booleans"; readonly values: Uint8Array }
  | {
    readonly kind: "bytes";
    readonly bytes: Uint8Array;
    readonly starts: Int32Array;
    readonly ends: Int32Array;
  };

/** Appends value `index` of a page to a buffer. */
export type Append = ((index: number) => void) & {
  /** Appends `count` values from `first` on, without a call each. */
  readonly range?: (first: number, count: number) => void;
};

/** @returns undefined if a page holds values of another type than its column. */
export type Appending = (raw: RawValues, buffer: ColumnBuffer) => Append | undefined;

/** Maximum number of values of a delta encoding, which states its count in a few bytes. */
const deltaValuesMax = 2 ** 22;
const expandedBytesMax = 64 * 2 ** 20;

/**
 * Decodes all values of a page without a dictionary.
 *
 * @param count At least 1.
 * @throws {Error} for an unknown encoding, or a page with too few bytes.
 */
export function decodeValues(
  bytes: Uint8Array,
  encoding: Encoding,
  element: SchemaElement,
  count: number,
): RawValues {
  switch (encoding) {
    case "PLAIN":
      return decodePlain(bytes, element, count);
    case "DELTA_BINARY_PACKED":
      return {
        kind: "integers",
        words: wordsOf(unpackDeltas(readerOf(bytes), element.type === "INT32", count)),
      };
    case "DELTA_LENGTH_BYTE_ARRAY":
      return decodeDeltaLengths(bytes, count);
    case "DELTA_BYTE_ARRAY":
      return decodeDeltaBytes(bytes, count);
    case "BYTE_STREAM_SPLIT":
      return decodeStreams(bytes, element, count);
    default:
      throw new NotSupported(`the encoding ${encoding}`);
  }
}

function decodePlain(bytes: Uint8Array, element: SchemaElement, count: number): RawValues {
  switch (element.type) {
    case "BOOLEAN":
      needBytes(bytes, Math.ceil(count / 8));
      return {
        kind: "booleans",
        values: Uint8Array.from({ length: count }, (_, i) => (bytes[i >> 3] >> (i & 7)) & 1),
      };
    case "INT32":
      return { kind: "integers", words: wordsOf(viewOf(Int32Array, bytes, count)) };
    case "INT64":
      return { kind: "integers", words: halvesOf(viewOf(BigInt64Array, bytes, count)) };
    case "FLOAT":
      return { kind: "reals", values: viewOf(Float32Array, bytes, count) };
    case "DOUBLE":
      return { kind: "reals", values: viewOf(Float64Array, bytes, count) };
    case "BYTE_ARRAY":
      return splitByLengths(bytes, count);
    case "INT96":
      return splitEvenly(bytes, 12, count);
    case "FIXED_LEN_BYTE_ARRAY":
      return splitEvenly(bytes, element.type_length ?? 0, count);
    default:
      throw new NotSupported(`the type ${element.type}`);
  }
}

function decodeStreams(bytes: Uint8Array, element: SchemaElement, count: number): RawValues {
  const { type = "BOOLEAN", type_length } = element;
  const width = type === "DOUBLE" || type === "INT64"
    ? 8
    : type === "FIXED_LEN_BYTE_ARRAY"
    ? type_length ?? 0
    : 4;
  needBytes(bytes, width * count);
  const values = byteStreamSplit(readerOf(bytes), count, type, type_length);
  if (values instanceof Float64Array || values instanceof Float32Array) return { kind: "reals", values };
  if (values instanceof Int32Array || values instanceof BigInt64Array) {
    return { kind: "integers", words: wordsOf(values) };
  }
  const joined = new Uint8Array(width * count);
  for (let i = 0; i < count; i++) joined.set(values[i], i * width);
  return splitEvenly(joined, width, count);
}

/** Splits values that follow their length, in four bytes. */
function splitByLengths(bytes: Uint8Array, count: number): RawValues {
  needBytes(bytes, 4 * count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  let offset = 0;
  for (let i = 0; i < count; i++) {
    needBytes(bytes, offset + 4);
    const length = view.getUint32(offset, true);
    starts[i] = offset + 4;
    offset += 4 + length;
    ends[i] = offset;
  }
  needBytes(bytes, offset);
  return { kind: "bytes", bytes, starts, ends };
}

function splitEvenly(bytes: Uint8Array, width: number, count: number): RawValues {
  needBytes(bytes, width * count);
  const starts = Int32Array.from({ length: count }, (_, i) => i * width);
  return { kind: "bytes", bytes, starts, ends: starts.map((start) => start + width) };
}

function decodeDeltaLengths(bytes: Uint8Array, count: number): RawValues {
  const reader = readerOf(bytes);
  const lengths = unpackDeltas(reader, true, count);
  return { kind: "bytes", bytes, ...adjoining(lengths, reader.offset, bytes.length) };
}

/** Decodes values that share a prefix with the value before them. */
function decodeDeltaBytes(bytes: Uint8Array, count: number): RawValues {
  const reader = readerOf(bytes);
  const prefixes = unpackDeltas(reader, true, count);
  const suffixes = unpackDeltas(reader, true, count);
  const source = adjoining(suffixes, reader.offset, bytes.length);
  const lengths = prefixes.map((prefix, i) => {
    if (prefix < 0 || prefix > (i === 0 ? 0 : prefixes[i - 1] + suffixes[i - 1])) {
      throw new Error("a prefix is longer than its value");
    }
    return prefix + suffixes[i];
  });
  const { starts, ends } = adjoining(lengths, 0, expandedBytesMax);
  const expanded = new Uint8Array(ends[count - 1]);
  for (let i = 0; i < count; i++) {
    if (i > 0) expanded.copyWithin(starts[i], starts[i - 1], starts[i - 1] + prefixes[i]);
    expanded.set(bytes.subarray(source.starts[i], source.ends[i]), starts[i] + prefixes[i]);
  }
  return { kind: "bytes", bytes: expanded, starts, ends };
}

/** Returns the ranges of consecutive values of these lengths, from `offset` on. */
function adjoining(
  lengths: Int32Array,
  offset: number,
  limit: number,
): { starts: Int32Array; ends: Int32Array } {
  const starts = new Int32Array(lengths.length);
  const ends = new Int32Array(lengths.length);
  let end = offset;
  for (let i = 0; i < lengths.length; i++) {
    starts[i] = end;
    end += lengths[i];
    if (lengths[i] < 0 || end > limit) throw new Error("a value lies outside of its page");
    ends[i] = end;
  }
  return { starts, ends };
}

type Reader = ReturnType<typeof readerOf>;

function readerOf(bytes: Uint8Array) {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
}

function unpackDeltas(reader: Reader, isInt32: true, count: number): Int32Array;
function unpackDeltas(reader: Reader, isInt32: boolean, count: number): Int32Array | BigInt64Array;
function unpackDeltas(reader: Reader, isInt32: boolean, count: number): Int32Array | BigInt64Array {
  if (count > deltaValuesMax) {
    throw new Error(`a page of ${count} differences, expected at most ${deltaValuesMax}`);
  }
  const values = isInt32 ? new Int32Array(count) : new BigInt64Array(count);
  deltaBinaryUnpack(reader, count, values);
  return values;
}

function wordsOf(values: Int32Array | BigInt64Array): Int32Array {
  const words = new Int32Array(2 * values.length);
  if (values instanceof BigInt64Array) new BigInt64Array(words.buffer).set(values);
  else {
    for (let i = 0; i < values.length; i++) {
      words[2 * i] = values[i];
      words[2 * i + 1] = values[i] >> 31;
    }
  }
  return words;
}

/** Returns integers as pairs of words in the same memory. */
function halvesOf({ buffer, byteOffset, length }: BigInt64Array): Int32Array {
  return new Int32Array(buffer, byteOffset, 2 * length);
}

interface WiderArray<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): A;
}

/** Returns the first bytes as wider values, which are valid as long as the bytes; a copy if they are not aligned for them. */
function viewOf<A>(Wider: WiderArray<A>, bytes: Uint8Array, length: number): A {
  const { BYTES_PER_ELEMENT: size } = Wider;
  needBytes(bytes, size * length);
  // Unlike that of a Uint8Array, the method slice of a Buffer does not copy.
  const source = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes.subarray(0, size * length));
  return new Wider(source.buffer, source.byteOffset, length);
}

function needBytes(bytes: Uint8Array, length: number): void {
  if (length > bytes.length) throw new Error("a page's values end before their count");
}

/** Returns the integer of two words; a bigint if a number would not be exact. */
export function integerOf(low: number, high: number, isUnsigned: boolean): number | bigint {
  const top = isUnsigned ? high >>> 0 : high;
  const value = top * 2 ** 32 + (low >>> 0);
  return Number.isSafeInteger(value) ? value : (BigInt(top) << 32n) | BigInt(low >>> 0);
}
