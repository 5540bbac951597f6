/** Reads small integers lazily: a run of a billion equal values takes two numbers. */
export type HybridReader = ReturnType<typeof createHybridReader>;

/**
 * Reads Parquet's hybrid of run lengths and bit packing, in `bytes[start..end)`.
 *
 * @param bitWidth Bits of each value, 0 to 32.
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/#run-length-encoding--bit-packing-hybrid-rle--3
 */
export function createHybridReader(
  bytes: Uint8Array,
  start: number,
  end: number,
  bitWidth: number,
) {
  if (bitWidth > 32) throw new Error(`values of ${bitWidth} bits, expected at most 32`);
  const valueBytes = Math.ceil(bitWidth / 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let offset = start;
  let equalLeft = 0;
  let equalValue = 0;
  let packedLeft = 0;
  let packedBit = 0;

  const nextByte = () => {
    if (offset >= end) throw new Error("a page's values end before their count");
    return bytes[offset++];
  };
  const startRun = () => {
    let header = 0;
    for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) {
      if (shift > 28) throw new Error("a run is longer than any page");
      byte = nextByte();
      header += (byte & 0x7f) * 2 ** shift;
    }
    const length = Math.floor(header / 2);
    if (header % 2 === 0) {
      equalLeft = length;
      equalValue = 0;
      for (let k = 0; k < valueBytes; k++) equalValue += nextByte() * 2 ** (8 * k);
      return;
    }
    // Packed in groups of eight; the last group of a page may be truncated.
    const byteCount = Math.min(length * bitWidth, end - offset);
    packedLeft = Math.min(length * 8, Math.floor(byteCount * 8 / bitWidth));
    packedBit = offset * 8;
    offset += byteCount;
  };
  return {
    /**
     * Skips the next values, if they are of one run of equal ones.
     *
     * @returns Their value; undefined if they have to be read. @throws {Error} if the data ends early.
     */
    skipEqual(count: number): number | undefined {
      if (bitWidth === 0) return 0;
      while (equalLeft === 0 && packedLeft === 0) startRun();
      if (equalLeft < count) return undefined;
      equalLeft -= count;
      return equalValue;
    },
    /** Fills `output[0..count)`. @throws {Error} if the data ends early. */
    read(output: Uint8Array | Int32Array, count: number): void {
      if (bitWidth === 0) {
        output.fill(0, 0, count);
        return;
      }
      for (let done = 0; done < count;) {
        if (equalLeft === 0 && packedLeft === 0) {
          startRun();
          continue;
        }
        if (equalLeft > 0) {
          const taken = Math.min(equalLeft, count - done);
          output.fill(equalValue, done, done + taken);
          equalLeft -= taken;
          done += taken;
        } else {
          const taken = Math.min(packedLeft, count - done);
          unpack({ bytes, view }, packedBit, bitWidth, output, done, taken);
          packedBit += taken * bitWidth;
          packedLeft -= taken;
          done += taken;
        }
      }
    },
  };
}

/** Values of up to 24 bits fit into four bytes at any bit offset. */
function unpack(
  { bytes, view }: { readonly bytes: Uint8Array; readonly view: DataView },
  firstBit: number,
  bitWidth: number,
  output: Uint8Array | Int32Array,
  start: number,
  count: number,
): void {
  if (bitWidth === 1) return unpackBits(bytes, firstBit, output, start, count);
  if (bitWidth > 24) return unpackWide(bytes, firstBit, bitWidth, output, start, count);
  // As byte and bit: a count of bits would exceed small integers at 128 MiB.
  const place = { byte: Math.floor(firstBit / 8), bit: firstBit % 8, start, end: start + count };
  unpackEnd(bytes, unpackWords(view, place, bitWidth, output), bitWidth, output);
}

/** Where the next value lies, as byte and bit, and where it goes: to `start`, the last one before `end`. */
interface UnpackPlace {
  readonly byte: number;
  readonly bit: number;
  readonly start: number;
  readonly end: number;
}

/** @returns Where the values follow that are in the last bytes. */
function unpackWords(
  view: DataView,
  place: UnpackPlace,
  bitWidth: number,
  output: Uint8Array | Int32Array,
): UnpackPlace {
  let { byte, bit, start } = place;
  const { end } = place;
  const mask = (1 << bitWidth) - 1;
  // Signed words, of which V8 makes no objects before the loop is compiled.
  for (const byteMax = view.byteLength - 4; start < end && byte <= byteMax; start++) {
    output[start] = (view.getInt32(byte, true) >> bit) & mask;
    bit += bitWidth;
    byte += bit >> 3;
    bit &= 7;
  }
  return { byte, bit, start, end };
}

/** The last bytes, beyond which there is none. */
function unpackEnd(
  bytes: Uint8Array,
  place: UnpackPlace,
  bitWidth: number,
  output: Uint8Array | Int32Array,
): void {
  let { byte, bit, start } = place;
  const { end } = place;
  const mask = (1 << bitWidth) - 1;
  for (; start < end; start++) {
    const word = bytes[byte] | bytes[byte + 1] << 8 | bytes[byte + 2] << 16 | bytes[byte + 3] << 24;
    output[start] = (word >> bit) & mask;
    bit += bitWidth;
    byte += bit >> 3;
    bit &= 7;
  }
}

/** Mostly of NULLs, whose output is of another kind: V8 optimises a loop that sees a single kind. */
function unpackBits(
  bytes: Uint8Array,
  firstBit: number,
  output: Uint8Array | Int32Array,
  start: number,
  count: number,
): void {
  let at = Math.floor(firstBit / 8);
  let bit = firstBit % 8;
  for (let i = 0; i < count; i++) {
    output[start + i] = bytes[at] >>> bit & 1;
    if (++bit < 8) continue;
    bit = 0;
    at++;
  }
}

function unpackWide(
  bytes: Uint8Array,
  firstBit: number,
  bitWidth: number,
  output: Uint8Array | Int32Array,
  start: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    let value = 0;
    for (let k = 0; k < bitWidth; k++) {
      const bit = firstBit + i * bitWidth + k;
      value += ((bytes[Math.floor(bit / 8)] >> (bit % 8)) & 1) * 2 ** k;
    }
    output[start + i] = value;
  }
}
