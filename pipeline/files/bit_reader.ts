/** Bits of a compressed stream, from the lowest of each byte on. */
export interface BitReader {
  /** @throws {Error} where the stream ends before. */
  bits(count: number): number;
  /** The next symbol of a code. */
  symbol(code: HuffmanCode): number;
  /** Drops the rest of a byte. */
  alignToByte(): void;
  /** Whether nothing follows. */
  isAtEnd(): boolean;
}

/** By the next `bits` bits of the stream: symbol · 16 + length; 0 for no code. */
export interface HuffmanCode {
  readonly table: Uint16Array;
  readonly bits: number;
}

/** @param nextPiece The next bytes of the stream; empty at its end. */
export function createBitReader(nextPiece: () => Uint8Array): BitReader {
  let piece: Uint8Array = new Uint8Array();
  let at = 0;
  let held = 0;
  let heldCount = 0;
  /** Bits behind the end that were made up, so that a short code can be looked up in a wide table. */
  let madeUp = 0;
  const hasPiece = () => {
    while (at === piece.length) {
      piece = nextPiece();
      at = 0;
      if (piece.length === 0) return false;
    }
    return true;
  };
  const fill = (count: number) => {
    while (heldCount < count) {
      if (at < piece.length || hasPiece()) held |= piece[at++] << heldCount;
      else madeUp += 8;
      heldCount += 8;
    }
  };
  const drop = (count: number) => {
    held >>>= count;
    heldCount -= count;
    if (heldCount < madeUp) throw new Error("it is cut off");
  };
  return {
    bits(count) {
      if (heldCount < count) fill(count);
      const value = held & ((1 << count) - 1);
      drop(count);
      return value;
    },
    symbol({ table, bits }) {
      if (heldCount < bits) fill(bits);
      const entry = table[held & ((1 << bits) - 1)];
      if (entry === 0) throw new Error("it has a code that stands for nothing");
      drop(entry & 15);
      return entry >>> 4;
    },
    alignToByte: () => drop(heldCount & 7),
    isAtEnd: () => heldCount - madeUp <= 0 && !hasPiece(),
  };
}

/** The canonical code of these lengths. @throws {Error} where two symbols would have the same bits. */
export function huffmanCode(lengths: Uint8Array): HuffmanCode {
  const bits = lengths.reduce((longest, length) => Math.max(longest, length), 1);
  const table = new Uint16Array(2 ** bits);
  let code = 0;
  for (let length = 1; length <= bits; length++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      if (code >= 2 ** length) throw new Error("two of its codes are the same");
      const entry = symbol << 4 | length;
      for (let i = reversed(code, length); i < table.length; i += 2 ** length) table[i] = entry;
      code++;
    }
    code <<= 1;
  }
  return { table, bits };
}

function reversed(code: number, length: number): number {
  let result = 0;
  for (let i = 0; i < length; i++) result |= (code >>> i & 1) << (length - 1 - i);
  return result;
}
