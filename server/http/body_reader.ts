/** Reads a stream of bytes into buffers of its caller's size: a stream that stalls holds no more than that. */
export interface ChunkReader {
  /**
   * @returns The next bytes, valid until the next call; undefined at the end.
   */
  next(): Promise<Uint8Array | undefined>;
  cancel(reason?: unknown): Promise<void>;
}

/**
 * The stream of a request's body fills a buffer that it is given; without one it allocates a hundred KiB and more per read,
 * which a body that stalls would keep. A stream made in memory has no such way and gives what it has.
 */
export function readChunks(stream: ReadableStream<Uint8Array>, pieceBytesMax: number): ChunkReader {
  const reader = filling(stream);
  if (!reader) {
    const plain = stream.getReader();
    return {
      next: async () => (await plain.read()).value,
      cancel: (reason) => plain.cancel(reason),
    };
  }
  let buffer = new ArrayBuffer(pieceBytesMax);
  return {
    async next() {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (value) buffer = value.buffer;
      return done ? undefined : value;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

function filling(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    // Not a byte stream.
    return undefined;
  }
}

/** Bytes put together from pieces, in one buffer that grows with them. */
export interface ByteBuffer {
  readonly byteCount: number;
  /** @param piece Is copied. */
  add(piece: Uint8Array): void;
  /** All of them; valid until the next call. */
  bytes(): Uint8Array<ArrayBuffer>;
  clear(): void;
  /** Gives its memory back at once: the collector would let that of many requests gather. */
  free(): void;
}

const firstBytes = 4 * 1024;

export function createByteBuffer(): ByteBuffer {
  let buffer = new Uint8Array(0);
  let byteCount = 0;
  const resize = (length: number) => buffer = new Uint8Array(buffer.buffer.transfer(length));
  return {
    get byteCount() {
      return byteCount;
    },
    add(piece) {
      const needed = byteCount + piece.byteLength;
      if (needed > buffer.length) {
        resize(Math.max(needed, Math.min(2 * buffer.length, needed + 1024 * 1024), firstBytes));
      }
      buffer.set(piece, byteCount);
      byteCount = needed;
    },
    bytes: () => buffer.subarray(0, byteCount),
    clear() {
      byteCount = 0;
      if (buffer.length > firstBytes) resize(0);
    },
    free() {
      byteCount = 0;
      resize(0);
    },
  };
}
