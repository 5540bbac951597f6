/** Structures are nested so deep in no parquet file: footers take 6. */
const depthMax = 16;

/**
 * Walks over one structure of Thrift's compact protocol and makes nothing of it. A parser that makes an array for each
 * list believes the length that stands before it: a hundred hostile bytes would cost gigabytes.
 *
 * @returns Where the structure ends; undefined where it goes on behind the last byte.
 * @throws {Error} for what is no such structure, or one too deep.
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

/** A place in bytes, which reading moves on. */
export interface Walk {
  readonly bytes: Uint8Array;
  offset: number;
}

/** The number that a field has in its structure, and the type of its value. */
export interface ThriftField {
  readonly id: number;
  readonly type: number;
}

class OutOfBytes extends Error {
  constructor() {
    super("it goes on behind its end");
  }
}

/**
 * Reads one structure, field by field.
 *
 * @param onField Reads the field's value, or leaves it: then it is passed over.
 */
export function readStruct(walk: Walk, onField: (field: ThriftField) => void): void {
  let id = 0;
  for (;;) {
    const head = readByte(walk);
    const type = head & 0x0f;
    if (type === 0) return;
    // A field whose number is far from the last one's says the number itself.
    id = head >> 4 === 0 ? unfold(readVarint(walk)) : id + (head >> 4);
    const start = walk.offset;
    onField({ id, type });
    if (walk.offset === start && type > 2) skipValue(walk, type, 0);
  }
}

/** @returns The field's value; a boolean field is its type. */
export function readBoolean({ type }: ThriftField): boolean {
  if (type !== 1 && type !== 2) throw new Error("a field is no boolean");
  return type === 1;
}

/** @returns The field's value, inexact beyond 2^53. */
export function readInteger(walk: Walk, { type }: ThriftField): number {
  if (type === 3) return readByte(walk) << 24 >> 24;
  if (type < 4 || type > 6) throw new Error("a field is no integer");
  return unfold(readVarint(walk));
}

const decoder = new TextDecoder();

export function readText(walk: Walk, { type }: ThriftField): string {
  if (type !== 8) throw new Error("a field is no text");
  const length = readVarint(walk);
  advance(walk, length);
  return decoder.decode(walk.bytes.subarray(walk.offset - length, walk.offset));
}

/** @param onStruct Reads entry `index`, all of it. */
export function readStructs(walk: Walk, { type }: ThriftField, onStruct: (index: number) => void): void {
  if (type !== 9) throw new Error("a field is no list");
  const { count, entryType } = readListHead(walk);
  if (count > 0 && entryType !== 12) throw new Error("a list is not of structures");
  for (let i = 0; i < count; i++) onStruct(i);
}

export function requireStruct({ type }: ThriftField): void {
  if (type !== 12) throw new Error("a field is no structure");
}

/** Passes over a structure. */
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
  // Each entry takes a byte at least.
  if (walk.offset + count > walk.bytes.length) throw new OutOfBytes();
  return { count, entryType: head & 0x0f };
}

function readByte(walk: Walk): number {
  advance(walk, 1);
  return walk.bytes[walk.offset - 1];
}

/** @returns The number, without its sign; at most 70 bits of it are read. */
function readVarint(walk: Walk): number {
  let value = 0;
  for (let k = 0; k < 10; k++) {
    const byte = readByte(walk);
    value += (byte & 0x7f) * 2 ** (7 * k);
    if (byte < 0x80) return value;
  }
  throw new Error("a number takes more than 10 bytes");
}

/** Numbers with a sign alternate: 0, −1, 1, −2, … */
function unfold(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function advance(walk: Walk, count: number): void {
  if (count > walk.bytes.length - walk.offset) throw new OutOfBytes();
  walk.offset += count;
}
