import { crc32 } from "node:zlib";
import { createBitReader } from "./bit_reader.ts";
import { Failure } from "../failure.ts";
import { inflate } from "./inflate.ts";

/** The next bytes of a file, which hold until the next call; empty at its end. */
export type NextPiece = () => Uint8Array;

const [hasHeaderCheck, hasExtra, hasName, hasComment] = [2, 4, 8, 16];

/** Whether bytes begin as gzip does. */
export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/**
 * Unpacks gzip (RFC 1952), one member behind the other, piece by piece. Zeros behind the last member are padding.
 *
 * @param name The file, as messages name it.
 * @throws {Failure} `file-invalid`, from the function that is returned: for what is damaged or cut off.
 */
export function gunzip(nextPiece: NextPiece, name: string): NextPiece {
  const input = createBitReader(nextPiece);
  let member = openMember();
  let isFirst = true;
  let isDone = false;

  function openMember() {
    return { inflation: inflate(input), checksum: 0, size: 0 };
  }

  /** What follows the two bytes by which gzip is known. */
  const readHeader = () => {
    if (input.bits(8) !== 8) throw new Error("its method of compression is unknown");
    const flags = input.bits(8);
    for (let i = 0; i < 6; i++) input.bits(8);
    if (flags & hasExtra) { for (let left = input.bits(16); left > 0; left--) input.bits(8); }
    if (flags & hasName) { while (input.bits(8) !== 0); }
    if (flags & hasComment) { while (input.bits(8) !== 0); }
    if (flags & hasHeaderCheck) input.bits(16);
  };
  const wordOf = () => (input.bits(16) | input.bits(16) << 16) >>> 0;
  /** @returns Whether another member follows. */
  const endMember = () => {
    input.alignToByte();
    if (wordOf() !== member.checksum || wordOf() !== member.size % 2 ** 32) {
      throw new Error("its checksum is not that of its content");
    }
    while (!input.isAtEnd()) {
      const byte = input.bits(8);
      if (byte === 0) continue;
      if (byte !== 0x1f || input.bits(8) !== 0x8b) throw new Error("something else stands behind its end");
      return true;
    }
    return false;
  };
  const next = (): Uint8Array => {
    if (isFirst) {
      input.bits(16);
      readHeader();
      isFirst = false;
    }
    while (!isDone) {
      const piece = member.inflation.next();
      if (piece.length > 0) {
        member.checksum = crc32(piece, member.checksum);
        member.size += piece.length;
        return piece;
      }
      if (!endMember()) isDone = true;
      else {
        readHeader();
        member = openMember();
      }
    }
    return new Uint8Array();
  };
  return () => {
    try {
      return next();
    } catch (error) {
      if (error instanceof Failure || !(error instanceof Error)) throw error;
      throw new Failure(
        "file-invalid",
        `Cannot unpack ${name}: ${error.message}. The gzip file is damaged or cut off: write or copy it again.`,
      );
    }
  };
}
