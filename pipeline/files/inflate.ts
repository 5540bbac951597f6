import { type BitReader, type HuffmanCode, huffmanCode } from "./bit_reader.ts";

/** Reads DEFLATE (RFC 1951) piece by piece, in bounded memory: the runtime inflates only whole bodies or asynchronous streams. */
export interface Inflation {
  /** The next piece of what was compressed, which holds until the next call; empty at the end of the stream. */
  next(): Uint8Array;
}

const windowBytes = 2 ** 15;
const pieceBytes = 2 ** 17;
const matchBytesMax = 258;

/** Inflates one stream. @throws {Error} from `next`, for what is damaged or cut off. */
export function inflate(input: BitReader): Inflation {
  // Behind the last 32 KiB, which matches may reach back to.
  const output = new Uint8Array(windowBytes + pieceBytes + matchBytesMax);
  let end = windowBytes;
  let written = 0;
  let block: Block | undefined;
  let isLast = false;

  const put = (byte: number) => void (output[end++] = byte);
  const copy = (length: number, distance: number) => {
    if (distance > written + end - windowBytes) throw new Error("it refers to what is before its beginning");
    for (let from = end - distance, stop = end + length; end < stop;) output[end++] = output[from++];
  };
  return {
    next() {
      if (end > windowBytes) {
        written += end - windowBytes;
        output.copyWithin(0, end - windowBytes, end);
        end = windowBytes;
      }
      const isFull = () => end >= windowBytes + pieceBytes;
      while (!isFull() && (block || !isLast)) {
        if (!block) {
          isLast = input.bits(1) === 1;
          block = openBlock(input);
        }
        if (block.inflate(put, copy, isFull)) block = undefined;
      }
      return output.subarray(windowBytes, end);
    },
  };
}

interface Block {
  /** @returns Whether the block has ended; otherwise the output is full. */
  inflate(
    put: (byte: number) => void,
    copy: (length: number, distance: number) => void,
    isFull: () => boolean,
  ): boolean;
}

function openBlock(input: BitReader): Block {
  switch (input.bits(2)) {
    case 0:
      return storedBlock(input);
    case 1:
      return codedBlock(input, fixedCodes());
    case 2:
      return codedBlock(input, readCodes(input));
    default:
      throw new Error("it has a block of no known kind");
  }
}

function storedBlock(input: BitReader): Block {
  input.alignToByte();
  let left = input.bits(16);
  if ((left ^ input.bits(16)) !== 0xffff) throw new Error("a block says two lengths of itself");
  return {
    inflate(put, _copy, isFull) {
      while (left > 0 && !isFull()) {
        put(input.bits(8));
        left--;
      }
      return left === 0;
    },
  };
}

interface Codes {
  readonly literals: HuffmanCode;
  readonly distances: HuffmanCode;
}

const endOfBlock = 256;
const lengthBase = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115]
  .concat([131, 163, 195, 227, 258]);
const lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBits = Array.from({ length: 30 }, (_, i) => Math.max(0, (i >> 1) - 1));
const distanceBase = distanceBits.map((_, i) =>
  distanceBits.slice(0, i).reduce((sum, bits) => sum + 2 ** bits, 1)
);

function codedBlock(input: BitReader, { literals, distances }: Codes): Block {
  return {
    inflate(put, copy, isFull) {
      while (!isFull()) {
        const symbol = input.symbol(literals);
        if (symbol < endOfBlock) put(symbol);
        else if (symbol === endOfBlock) return true;
        else {
          const length = symbol - endOfBlock - 1;
          if (length >= lengthBase.length) throw new Error("it has a length that is none");
          const bytes = lengthBase[length] + input.bits(lengthBits[length]);
          const distance = input.symbol(distances);
          if (distance >= distanceBase.length) throw new Error("it has a distance that is none");
          copy(bytes, distanceBase[distance] + input.bits(distanceBits[distance]));
        }
      }
      return false;
    },
  };
}

function fixedCodes(): Codes {
  const lengths = new Uint8Array(288).fill(8).fill(9, 144, 256).fill(7, 256, 280);
  return { literals: huffmanCode(lengths), distances: huffmanCode(new Uint8Array(30).fill(5)) };
}

/** The order in which the lengths of the codes for lengths stand. */
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

function readCodes(input: BitReader): Codes {
  const literalCount = 257 + input.bits(5);
  const distanceCount = 1 + input.bits(5);
  const lengthCount = 4 + input.bits(4);
  const lengthLengths = new Uint8Array(19);
  for (let i = 0; i < lengthCount; i++) lengthLengths[lengthOrder[i]] = input.bits(3);
  const lengthCode = huffmanCode(lengthLengths);
  const lengths = new Uint8Array(literalCount + distanceCount);
  for (let i = 0; i < lengths.length;) {
    const symbol = input.symbol(lengthCode);
    if (symbol < 16) {
      lengths[i++] = symbol;
      continue;
    }
    if (symbol === 16 && i === 0) throw new Error("it repeats a length before the first");
    const [value, count] = symbol === 16
      ? [lengths[i - 1], 3 + input.bits(2)]
      : [0, symbol === 17 ? 3 + input.bits(3) : 11 + input.bits(7)];
    if (i + count > lengths.length) throw new Error("it has more lengths of codes than codes");
    lengths.fill(value, i, i += count);
  }
  return {
    literals: huffmanCode(lengths.subarray(0, literalCount)),
    distances: huffmanCode(lengths.subarray(literalCount)),
  };
}
