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

interface Walk {
  readonly bytes: Uint8Array;
  offset: number;
}

class OutOfBytes extends Error {}

function skipStruct(walk: Walk, depth: number): void {
  if (depth > depthMax) throw new Error(`structures are nested more than ${depthMax} deep`);
  for (;;) {
    const head = readByte(walk);
    const type = head & 0x0f;
    if (type === 0) return;
    // A field whose number is far from the last one's says the number itself.
    if (head >> 4 === 0) readVarint(walk);
    // A boolean field is its type.
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
      return skipList(walk, depth);
    case 12:
      return skipStruct(walk, depth + 1);
    default:
      throw new Error(`there is no type ${type}`);
  }
}

function skipList(walk: Walk, depth: number): void {
  if (depth > depthMax) throw new Error(`lists are nested more than ${depthMax} deep`);
  const head = readByte(walk);
  const count = head >> 4 === 15 ? readVarint(walk) : head >> 4;
  // Each entry takes a byte at least.
  if (walk.offset + count > walk.bytes.length) throw new OutOfBytes();
  for (let i = 0; i < count; i++) skipValue(walk, head & 0x0f, depth + 1);
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

function advance(walk: Walk, count: number): void {
  if (count > walk.bytes.length - walk.offset) throw new OutOfBytes();
  walk.offset += count;
}
