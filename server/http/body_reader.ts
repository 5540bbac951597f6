/** Reads a stream of bytes into a buffer of fixed size: a stream that stalls holds no more memory than that. */
export interface ChunkReader {
  /** Returns the next bytes, which are valid until the next call; undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  cancel(reason?: unknown): Promise<void>;
}

/**
 * The body of a request fills a buffer that is passed to it. Without one, it allocates 100 KiB and more per read, which a body
 * that stalls would hold. A stream that is made in memory does not support this, and returns its own chunks.
 */
export function readChunks(stream: ReadableStream<Uint8Array>, chunkBytesMax: number): ChunkReader {
  const reader = byobReader(stream);
  if (!reader) {
    const plain = stream.getReader();
    return { next: async () => (await plain.read()).value, cancel: (reason) => plain.cancel(reason) };
  }
  let buffer = new ArrayBuffer(chunkBytesMax);
  return {
    async next() {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (value) buffer = value.buffer;
      return done ? undefined : value;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

function byobReader(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    // It is not a byte stream.
    return undefined;
  }
}

/** A byte buffer that grows. */
export type ByteBuffer = ReturnType<typeof createByteBuffer>;

const firstBytes = 4 * 1024;

export function createByteBuffer() {
  let buffer = new Uint8Array(0);
  let byteCount = 0;
  const resize = (length: number) => buffer = new Uint8Array(buffer.buffer.transfer(length));
  return {
    get byteCount(): number {
      return byteCount;
    },
    /** Appends a copy of the bytes. */
    add(added: Uint8Array): void {
      const needed = byteCount + added.byteLength;
      if (needed > buffer.length) {
        resize(Math.max(needed, Math.min(2 * buffer.length, needed + 1024 * 1024), firstBytes));
      }
      buffer.set(added, byteCount);
      byteCount = needed;
    },
    /** Returns all bytes; valid until the next call. */
    bytes: (): Uint8Array<ArrayBuffer> => buffer.subarray(0, byteCount),
    clear(): void {
      byteCount = 0;
      if (buffer.length > firstBytes) resize(0);
    },
    /** Frees the memory at once: the garbage collector would let that of many requests accumulate. */
    free(): void {
      byteCount = 0;
      resize(0);
    },
  };
}
