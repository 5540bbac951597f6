/** Maximum nesting of structures; parquet footers need 6. */
const depthMax = 16;

/**
 * Skips a structure of Thrift's compact protocol without allocating. A parser that allocates an array per list trusts its
 * length: a hundred hostile bytes would cost gigabytes.
 *
 * @returns The end of the structure; undefined if it continues after the last byte.
 * @throws {Error} if it is not such a structure, or too deep.
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
export function structEnd(bytes: Uint8Array, start: number): number | undefined {
  const walk: Walk = { bytes, offset: start };
  try {
    skipStruct(walk, 0);
    return walk.offset;
  } catch (error) {
    if (error instanceof OutOfBytes) return undefined;
    throw error;
  }
}

/** A position in bytes, which reading advances. */
export interface Walk {
  readonly bytes: Uint8Array;
  offset: number;
}

/** The id of a field and the type of its value. */
export interface ThriftField {
  readonly id: number;
  readonly type: number;
}

class OutOfBytes extends Error {
  constructor() {
    super("it continues after its end");
  }
}

/** Reads one structure, field by field. @param onField Reads the value of the field; otherwise it is skipped. */
export function readStruct(walk: Walk, onField: (field: ThriftField) => void): void {
  let id = 0;
  for (;;) {
    const head = readByte(walk);
    const type = head & 0x0f;
    if (type === 0) return;
    // A field whose id is far from the last one has the id itself.
    id = head >> 4 === 0 ? unfold(readVarint(walk)) : id + (head >> 4);
    const start = walk.offset;
    onField({ id, type });
    if (walk.offset === start && type > 2) skipValue(walk, type, 0);
  }
}

/** @returns The value of a boolean field, which is its type. */
export function readBoolean({ type }: ThriftField): boolean {
  if (type !== 1 && type !== 2) throw new Error("a field is not a boolean");
  return type === 1;
}

/** @returns The value of the field, inexact beyond 2^53. */
export function readInteger(walk: Walk, { type }: ThriftField): number {
  if (type === 3) return readByte(walk) << 24 >> 24;
  if (type < 4 || type > 6) throw new Error("a field is not an integer");
  return unfold(readVarint(walk));
}

const decoder = new TextDecoder();

export function readText(walk: Walk, { type }: ThriftField): string {
  if (type !== 8) throw new Error("a field is not a text");
  const length = readVarint(walk);
  advance(walk, length);
  return decoder.decode(walk.bytes.subarray(walk.offset - length, walk.offset));
}

/** @param onStruct Reads entry `index` completely. */
export function readStructs(walk: Walk, { type }: ThriftField, onStruct: (index: number) => void): void {
  if (type !== 9) throw new Error("a field is not a list");
  const { count, entryType } = readListHead(walk);
  if (count > 0 && entryType !== 12) throw new Error("a list is not of structures");
  for (let i = 0; i < count; i++) onStruct(i);
}

export function requireStruct({ type }: ThriftField): void {
  if (type !== 12) throw new Error("a field is not a structure");
}

/** Skips a structure. */
export function skipStruct(walk: Walk, depth = 0): void {
  if (depth > depthMax) throw new Error(`structures are nested more than ${depthMax} deep`);
  for (;;) {
    const head = readByte(walk);
    const type = head & 0x0f;
    if (type === 0) return;
    if (head >> 4 === 0) readVarint(walk);
    if (type > 2) skipValue(walk, type, depth);
  }
}

function skipValue(walk: Walk, type: number, depth: number): void {
  switch (type) {
    case 1:
    case 2:
    case 3:
      return advance(walk, 1);
    case 4:
    case 5:
    case 6:
      readVarint(walk);
      return;
    case 7:
      return advance(walk, 8);
    case 8:
      return advance(walk, readVarint(walk));
    case 9:
    case 10:
      return skipList(walk, depth);
    case 12:
      return skipStruct(walk, depth + 1);
    default:
      throw new Error(`there is no type ${type}`);
  }
}

function skipList(walk: Walk, depth: number): void {
  if (depth > depthMax) throw new Error(`lists are nested more than ${depthMax} deep`);
  const { count, entryType } = readListHead(walk);
  for (let i = 0; i < count; i++) skipValue(walk, entryType, depth + 1);
}

function readListHead(walk: Walk): { count: number; entryType: number } {
  const head = readByte(walk);
  const count = head >> 4 === 15 ? readVarint(walk) : head >> 4;
  // Each entry takes at least a byte.
  if (walk.offset + count > walk.bytes.length) throw new OutOfBytes();
  return { count, entryType: head & 0x0f };
}

function readByte(walk: Walk): number {
  advance(walk, 1);
  return walk.bytes[walk.offset - 1];
}

/** @returns The unsigned number; at most 70 bits are read. */
function readVarint(walk: Walk): number {
  let value = 0;
  for (let k = 0; k < 10; k++) {
    const byte = readByte(walk);
    value += (byte & 0x7f) * 2 ** (7 * k);
    if (byte < 0x80) return value;
  }
  throw new Error("a number takes more than 10 bytes");
}

/** Decodes zigzag integers: 0, −1, 1, −2, … */
function unfold(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function advance(walk: Walk, count: number): void {
  if (count > walk.bytes.length - walk.offset) throw new OutOfBytes();
  walk.offset += count;
}
