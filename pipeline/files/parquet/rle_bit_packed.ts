/** Reads bits lazily: a run of a billion equal ones takes two numbers. */
export type HybridReader = ReturnType<typeof createHybridReader>;

/**
 * Reads values of one bit, such as NULLs, in Parquet's hybrid of run lengths and bit packing, in `bytes[start..end)`.
 *
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/#run-length-encoding--bit-packing-hybrid-rle--3
 */
export function createHybridReader(
  bytes: Uint8Array,
  start: number,
  end: number,
) {
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
      equalValue = nextByte();
      return;
    }
    // Packed in groups of eight; the last group of a page may be truncated.
    const byteCount = Math.min(length, end - offset);
    packedLeft = 8 * byteCount;
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
      while (equalLeft === 0 && packedLeft === 0) startRun();
      if (equalLeft < count) return undefined;
      equalLeft -= count;
      return equalValue;
    },
    /** Fills `output[0..count)`. @throws {Error} if the data ends early. */
    read(output: Uint8Array, count: number): void {
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
          unpackBits(bytes, packedBit, output, done, taken);
          packedBit += taken;
          packedLeft -= taken;
          done += taken;
        }
      }
    },
  };
}

function unpackBits(
  bytes: Uint8Array,
  firstBit: number,
  output: Uint8Array,
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
