/** A proxy in front of a server, whose network can fail. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /**
   * `open` forwards; `silent` accepts connections and keeps those there are, and forwards nothing in either direction; `closed`
   * cuts all connections and accepts none.
   */
  mode: "open" | "silent" | "closed";
  /** Number of bytes that were forwarded. */
  readonly forwarded: number;
}

/**
 * @param target The port of the server on this machine.
 * @param observe Sees what is forwarded, whose memory is then used again.
 */
export function startTcpProxy(
  target: number,
  observe?: (piece: Uint8Array, towards: "server" | "client") => void,
): TcpProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.Conn>();
  let mode: TcpProxy["mode"] = "open";
  let forwarded = 0;
  let resume = () => {};
  let opened = Promise.resolve();

  const close = (conn: Deno.Conn) => {
    connections.delete(conn);
    try {
      conn.close();
    } catch { /* It is closed. */ }
  };
  const pump = async (from: Deno.Conn, to: Deno.Conn, towards: "server" | "client") => {
    const buffer = new Uint8Array(16_384);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        await opened;
        observe?.(buffer.subarray(0, count), towards);
        for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
        forwarded += count;
      }
    } catch { /* One side is gone. */ }
    close(from);
    close(to);
  };
  const accept = async (conn: Deno.Conn) => {
    connections.add(conn);
    await opened;
    if (mode === "closed") return close(conn);
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: target });
      connections.add(server);
      void pump(conn, server, "server");
      void pump(server, conn, "client");
    } catch {
      close(conn);
    }
  };
  const serve = async () => {
    for await (const conn of listener) {
      if (mode === "closed") conn.close();
      else void accept(conn);
    }
  };
  const serving = serve();

  return {
    port: listener.addr.port,
    get forwarded() {
      return forwarded;
    },
    get mode() {
      return mode;
    },
    set mode(next) {
      mode = next;
      if (next === "silent") opened = new Promise((resolve) => resume = resolve);
      else resume();
      if (next === "closed") { for (const conn of connections) close(conn); }
    },
    async [Symbol.asyncDispose]() {
      resume();
      listener.close();
      for (const conn of connections) close(conn);
      await serving;
    },
  };
}
