/** A connection on which a test sends arbitrary bytes. */
export interface RawConnection {
  send(text: string | Uint8Array): Promise<void>;
  /**
   * Reads until the received text matches.
   *
   * @returns Everything received since the connection was opened.
   * @throws {Error} if it does not match in time, or the server hangs up first.
   */
  receive(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /** Waits for the server to hang up. */
  end(timeoutMs?: number): Promise<string>;
  close(): void;
}

export async function connectRaw(port: number): Promise<RawConnection> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const encoder = new TextEncoder();
  let received = "";
  let ended = false;
  let news = Promise.withResolvers<void>();
  let closed = false;

  async function read(): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(65_536);
    try {
      for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
        received += decoder.decode(buffer.subarray(0, count), { stream: true });
        news.resolve();
      }
    } catch { /* reset, or closed here: the end, either way */ }
    ended = true;
    news.resolve();
  }
  const reading = read();

  async function until(done: () => boolean, what: string, timeoutMs: number): Promise<string> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no ${what} within ${timeoutMs} ms; got: ${received}`)),
        timeoutMs,
      );
    });
    try {
      while (!done()) {
        if (ended) throw new Error(`no ${what} before the end; got: ${received}`);
        await Promise.race([news.promise, late]);
        news = Promise.withResolvers<void>();
      }
      return received;
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async send(text) {
      const bytes = typeof text === "string" ? encoder.encode(text) : text;
      for (let offset = 0; offset < bytes.length;) offset += await connection.write(bytes.subarray(offset));
    },
    receive: (pattern, timeoutMs = 5_000) => until(() => pattern.test(received), String(pattern), timeoutMs),
    async end(timeoutMs = 5_000) {
      await until(() => ended, "end", timeoutMs);
      await reading;
      return received;
    },
    close() {
      if (!closed) connection.close();
      closed = true;
    },
  };
}
