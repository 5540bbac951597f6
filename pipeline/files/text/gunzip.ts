import {
  Z_BUF_ERROR,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  zlibInflate,
  zlibInflateInit2,
  zlibInflateReset,
  ZStream,
} from "pako";
import { fileInvalid } from "../../failure.ts";

/** Returns the next bytes of a file, valid until the next call; empty at the end. */
export type NextPiece = () => Uint8Array;

/** zlib's window bits for gzip with the largest window; checks the checksum and length of each member. */
const gzipWindowBits = 31;
const outputBytes = 2 ** 17;
const gzipMagic = [0x1f, 0x8b] as const;

/** Returns whether bytes begin like gzip. */
export function isGzip(head: Uint8Array): boolean {
  return head[0] === gzipMagic[0] && head[1] === gzipMagic[1];
}

/**
 * Decompresses gzip (RFC 1952) member by member, in ranges of bounded size. Zeros after the last member are padding.
 *
 * Uses pako, a port of zlib that inflates on demand; the functions of the runtime take whole bodies or are asynchronous.
 *
 * @param name The name of the file in messages.
 * @throws {Failure} `file-invalid`, from the returned function, for a damaged or incomplete file.
 */
export function gunzip(nextPiece: NextPiece, name: string): NextPiece {
  const stream = new ZStream();
  stream.output = new Uint8Array(outputBytes);
  stream.avail_in = 0;
  zlibInflateInit2(stream, gzipWindowBits);
  let isBetweenMembers = false;
  let isDone = false;

  const damaged = (what: string) =>
    fileInvalid(
      `Cannot decompress ${name}: ${what}. The gzip file is damaged or truncated: write or copy it again.`,
    );
  /** @returns Whether input remains. */
  const fill = () => {
    if (stream.avail_in > 0) return true;
    stream.input = nextPiece();
    stream.next_in = 0;
    stream.avail_in = stream.input.length;
    return stream.avail_in > 0;
  };
  /** @returns Whether another member follows. */
  const openMember = () => {
    while (fill()) {
      const byte = stream.input[stream.next_in];
      if (byte !== 0) {
        if (byte !== gzipMagic[0]) throw damaged("the bytes after its end are not gzip");
        zlibInflateReset(stream);
        return true;
      }
      stream.next_in++;
      stream.avail_in--;
    }
    return false;
  };
  return () => {
    stream.next_out = 0;
    stream.avail_out = outputBytes;
    while (!isDone && stream.avail_out > 0) {
      if (isBetweenMembers && !openMember()) {
        isDone = true;
        break;
      }
      isBetweenMembers = false;
      if (!fill()) throw damaged("it is truncated");
      const status = zlibInflate(stream, Z_NO_FLUSH);
      if (status === Z_STREAM_END) isBetweenMembers = true;
      else if (status !== Z_OK && status !== Z_BUF_ERROR) throw damaged(stream.msg || "it is not gzip");
    }
    return stream.output.subarray(0, stream.next_out);
  };
}
