import zlib from "node:zlib";
import type { Encoding, PageHeader } from "hyparquet";
import { decompressLz4, decompressLz4Raw } from "hyparquet-compressors/src/lz4.js";
import { parquetHeader } from "./hyparquet_internals.ts";
import type { ByteSource } from "../byte_source.ts";
import { snappyUncompress } from "./page_kernel.ts";
import { release } from "../columns/column_buffer.ts";
import { createHybridReader, type HybridReader } from "./rle_bit_packed.ts";
import type { ColumnChunk } from "./row_group.ts";
import { NotSupported } from "./not_supported.ts";
import { structEnd } from "./thrift.ts";

export interface Page {
  readonly kind: "dictionary" | "data";
  readonly encoding: Encoding;
  /** Number of values, including NULLs. */
  readonly valueCount: number;
  /** Reads 1 for a value and 0 for NULL, from the first row on; absent if no value is NULL. */
  readonly openLevels: (() => HybridReader) | undefined;
  /** The non-NULL values. */
  readonly body: Uint8Array;
}

/** Maximum page size. Some programs write a row group as one page: these are 32 million integers. */
const pageBytesMax = 256 * 2 ** 20;
const headerBytesFirst = 4_096;
const headerBytesMax = 2 ** 20;

/**
 * Reads the pages of a column chunk lazily. A page is valid until the next one is read.
 *
 * @param isNullable Whether the column's values may be NULL.
 * @param skipping `rows` is the number of rows to skip before the next page: pages without other rows are not read, and their rows
 *   are subtracted.
 * @throws {Error} for a damaged page, or one beyond a limit.
 */
export function* readPages(
  source: ByteSource,
  chunk: ColumnChunk,
  isNullable: boolean,
  skipping = { rows: 0 },
): Generator<Page> {
  const end = chunk.offset + chunk.byteCount;
  for (let offset = chunk.offset; offset < end;) {
    const { header, length } = readHeader(source, offset, end);
    const compressedSize = countOf(header.compressed_page_size);
    const size = countOf(header.uncompressed_page_size);
    if (offset + length + compressedSize > end) throw new Error("a page extends past its column");
    if (size > pageBytesMax || compressedSize > pageBytesMax) {
      throw new NotSupported(
        `a page of ${Math.max(size, compressedSize)} bytes`,
        `Write it with pages of at most ${pageBytesMax}, or with smaller row groups`,
      );
    }
    const rows = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? Infinity;
    if (skipping.rows > 0 && rows >= 0 && rows <= skipping.rows) {
      skipping.rows -= rows;
      offset += length + compressedSize;
      continue;
    }
    const bytes = source.read(offset + length, compressedSize);
    const page = openPage(header, bytes, chunk.codec, isNullable);
    if (page) {
      yield page;
      releaseOwned(page.body);
    }
    if (bytes.buffer.byteLength > 0) release(bytes);
    offset += length + compressedSize;
  }
}

/** Checks that a value of a header is a count: from damaged bytes, the parser makes any value. */
function countOf(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error("a page's header lacks a count");
}

/** Frees the memory of a decompressed page, unless it shares a buffer with others. */
function releaseOwned({ buffer, byteOffset, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength) {
    buffer.transfer(0);
  }
}

function readHeader(source: ByteSource, offset: number, end: number): { header: PageHeader; length: number } {
  for (let wanted = headerBytesFirst;; wanted *= 16) {
    const available = Math.min(wanted, end - offset);
    const bytes = source.read(offset, available);
    const length = structEnd(bytes, 0);
    if (length !== undefined) {
      const header = parquetHeader({ view: new DataView(bytes.buffer, 0, length), offset: 0 });
      return { header, length };
    }
    if (available < wanted || wanted >= headerBytesMax) throw new Error("a page's header does not end");
  }
}

function openPage(
  header: PageHeader,
  bytes: Uint8Array,
  codec: string,
  isNullable: boolean,
): Page | undefined {
  if (header.crc !== undefined && (zlib.crc32(bytes) | 0) !== header.crc) {
    throw new Error("a page's checksum is not that of its bytes");
  }
  const size = header.uncompressed_page_size;
  if (header.type === "DICTIONARY_PAGE" && header.dictionary_page_header) {
    const valueCount = countOf(header.dictionary_page_header.num_values);
    return {
      kind: "dictionary",
      encoding: "PLAIN",
      valueCount,
      openLevels: undefined,
      body: decompress(bytes, size, codec),
    };
  }
  if (header.type === "DATA_PAGE" && header.data_page_header) {
    const { encoding, definition_level_encoding: levels } = header.data_page_header;
    const valueCount = countOf(header.data_page_header.num_values);
    if (isNullable && levels !== "RLE") throw new NotSupported(`the encoding ${levels} of NULLs`);
    const page = decompress(bytes, size, codec);
    if (!isNullable) return { kind: "data", encoding, valueCount, openLevels: undefined, body: page };
    if (page.length < 4) throw new Error("a page's values end before their count");
    const levelsEnd = 4 + new DataView(page.buffer, page.byteOffset).getUint32(0, true);
    if (levelsEnd > page.length) throw new Error("a page's NULLs extend past the page");
    const openLevels = () => createHybridReader(page, 4, levelsEnd);
    return { kind: "data", encoding, valueCount, openLevels, body: page.subarray(levelsEnd) };
  }
  if (header.type === "DATA_PAGE_V2" && header.data_page_header_v2) {
    const { encoding, is_compressed } = header.data_page_header_v2;
    const valueCount = countOf(header.data_page_header_v2.num_values);
    const start = countOf(header.data_page_header_v2.repetition_levels_byte_length);
    const length = countOf(header.data_page_header_v2.definition_levels_byte_length);
    if (start + length > bytes.length) throw new Error("a page's NULLs extend past the page");
    const values = bytes.subarray(start + length);
    const body = is_compressed === false ? values : decompress(values, size - start - length, codec);
    const openLevels = isNullable ? () => createHybridReader(bytes, start, start + length) : undefined;
    return { kind: "data", encoding, valueCount, openLevels, body };
  }
  // Index pages and unknown page types hold no values.
  return undefined;
}

/** Decompresses to exactly `size` bytes. A page that expands further is rejected before it takes memory. */
function decompress(bytes: Uint8Array, size: number, codec: string): Uint8Array {
  if (size < 0) throw new Error("a page's NULLs are longer than the page");
  const page = size === 0 ? new Uint8Array() : decompressor(codec)(bytes, size);
  if (page.length !== size) {
    throw new Error(`a page of ${page.length} bytes, expected ${size} as its header says`);
  }
  return page;
}

type Decompressor = (bytes: Uint8Array, size: number) => Uint8Array;

/** The functions of the runtime, if it has the codec: they are several times faster and stop at a limit. */
const decompressors: Readonly<Record<string, Decompressor | undefined>> = {
  UNCOMPRESSED: (bytes) => bytes,
  GZIP: (bytes, size) => zlib.unzipSync(bytes, { maxOutputLength: size }),
  BROTLI: (bytes, size) => zlib.brotliDecompressSync(bytes, { maxOutputLength: size }),
  ZSTD: (bytes, size) => zlib.zstdDecompressSync(bytes, { maxOutputLength: size }),
  SNAPPY: snappyUncompress,
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
};

function decompressor(codec: string): Decompressor {
  const found = Object.hasOwn(decompressors, codec) ? decompressors[codec] : undefined;
  if (!found) {
    throw new NotSupported(`the codec ${codec}`, "Write it as snappy, gzip, zstd, brotli or lz4");
  }
  return found;
}
