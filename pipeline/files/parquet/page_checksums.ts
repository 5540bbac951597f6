import zlib from "node:zlib";
import type { ColumnChunk, OffsetIndex, RowGroup } from "hyparquet";
import { readInteger, readStruct, type Walk } from "./thrift.ts";

/** A row group in memory, with its entry of the footer. */
export interface WrittenGroup {
  readonly bytes: Uint8Array;
  /** The offset of `bytes` in the file. */
  readonly offset: number;
  readonly group: RowGroup;
  /** The offsets of its pages, by column. */
  readonly pageIndexes: ReadonlyMap<ColumnChunk, OffsetIndex>;
}

/**
 * Adds the CRC-32 to each page header, which the library omits, and adjusts the offsets in the footer.
 *
 * @returns A copy of the group with checksums.
 */
export function addChecksums({ bytes, offset, group, pageIndexes }: WrittenGroup): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let copied = 0;
  let grown = 0;
  for (const chunk of group.columns) {
    const { meta_data: description } = chunk;
    if (!description) throw new Error("a column was written without a description");
    const { dictionary_page_offset: dictionary, data_page_offset: data } = description;
    const first = Number(dictionary ?? data) - offset;
    const end = first + Number(description.total_compressed_size);
    const grownBefore = grown;
    const moved = new Map<bigint, number>();
    for (let at = first; at < end;) {
      const header = readHeader(bytes, at);
      const page = bytes.subarray(header.end, header.end + header.pageBytes);
      const field = Uint8Array.from([0x15, ...signedVarint(zlib.crc32(page) | 0), header.nextField]);
      parts.push(bytes.subarray(copied, header.insertAt), field);
      copied = header.insertAt + 1;
      moved.set(BigInt(at + offset), grown);
      const inserted = field.length - 1;
      const location = pageIndexes.get(chunk)?.page_locations.find((page) =>
        page.offset === BigInt(at + offset)
      );
      if (location) location.compressed_page_size += inserted;
      grown += inserted;
      at = header.end + header.pageBytes;
    }
    const move = (place: bigint) => place + BigInt(moved.get(place) ?? grownBefore);
    for (const location of pageIndexes.get(chunk)?.page_locations ?? []) {
      location.offset = move(location.offset);
    }
    chunk.file_offset = move(chunk.file_offset);
    description.data_page_offset = move(data);
    if (dictionary !== undefined) description.dictionary_page_offset = move(dictionary);
    description.total_compressed_size += BigInt(grown - grownBefore);
    description.total_uncompressed_size += BigInt(grown - grownBefore);
  }
  group.total_byte_size += BigInt(grown);
  if (group.total_compressed_size !== undefined) group.total_compressed_size += BigInt(grown);
  parts.push(bytes.subarray(copied));
  return joined(parts, bytes.length + grown);
}

interface PageHeader {
  readonly end: number;
  readonly pageBytes: number;
  /** The field after the sizes, whose header has the difference of its id to the one before. */
  readonly insertAt: number;
  /** Its header after the checksum, which is field 4. */
  readonly nextField: number;
}

function readHeader(bytes: Uint8Array, start: number): PageHeader {
  const walk: Walk = { bytes, offset: start };
  let pageBytes = -1;
  let insertAt = -1;
  let nextField = 0;
  readStruct(walk, (field) => {
    if (field.id === 3) pageBytes = readInteger(walk, field);
    if (field.id === 4) throw new Error("a page was written with a checksum");
    if (field.id <= 4 || insertAt >= 0) return;
    insertAt = walk.offset - 1;
    nextField = (field.id - 4) << 4 | field.type;
  });
  if (pageBytes < 0 || insertAt < 0) throw new Error("a page was written without its sizes");
  return { end: walk.offset, pageBytes, insertAt, nextField };
}

/** @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md#integer-encoding */
function signedVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; rest >= 0x80; rest >>>= 7) bytes.push(rest & 0x7f | 0x80);
  return [...bytes, rest];
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
