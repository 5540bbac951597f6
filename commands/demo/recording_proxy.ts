/** A TCP proxy that records what a client and a server send, byte for byte. */
export type RecordingProxy = ReturnType<typeof openRecordingProxy>;

/** Opens a proxy on a free port of loopback. @param target The address of the server. */
export function openRecordingProxy(
  target: { readonly hostname: string; readonly port: number },
) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  let sent: Uint8Array[] = [];
  let received: Uint8Array[] = [];

  async function forward(from: Deno.Conn, to: Deno.Conn, record: (bytes: Uint8Array) => void): Promise<void> {
    try {
      for await (const bytes of from.readable) {
        record(bytes);
        for (let offset = 0; offset < bytes.length;) offset += await to.write(bytes.subarray(offset));
      }
    } catch { /* one side closed its connection: close both */ }
    for (const connection of [from, to]) hangUp(connection);
  }

  function hangUp(connection: Deno.Conn): void {
    if (!open.delete(connection)) return;
    try {
      connection.close();
    } catch { /* already closed */ }
  }

  async function accept(): Promise<void> {
    for await (const client of listener) {
      open.add(client);
      const server = await Deno.connect(target).catch(() => undefined);
      if (!server) {
        hangUp(client);
        continue;
      }
      open.add(server);
      forward(client, server, (bytes) => sent.push(bytes));
      forward(server, client, (bytes) => received.push(bytes));
    }
  }
  accept();

  return {
    /** The URL for the client. */
    origin: `http://127.0.0.1:${listener.addr.port}`,
    /** Returns what was sent and received since the last call. */
    drain(): { readonly sent: string; readonly received: string } {
      const taken = { sent: textOf(sent), received: textOf(received) };
      sent = [];
      received = [];
      return taken;
    },
    close(): void {
      listener.close();
      for (const connection of open) hangUp(connection);
    },
  };
}

function textOf(chunks: readonly Uint8Array[]): string {
  const decoder = new TextDecoder();
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
}
