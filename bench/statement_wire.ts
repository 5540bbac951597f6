import { startTcpProxy } from "../tests/support/tcp_proxy.ts";

/** A statement that went to PostgreSQL, and what came back. */
export interface Exchange {
  readonly statement: string;
  /** Bytes both ways, with those of the protocol. */
  readonly bytes: number;
  /** From the first byte sent to the last one received before the next statement. */
  readonly seconds: number;
}

/** Stands between a program and PostgreSQL on this machine, and notes the statements of one connection at a time, in clear. */
export interface StatementWire extends AsyncDisposable {
  readonly port: number;
  /** Returns the exchanges since the last call, in their order. */
  take(): Exchange[];
}

/** "Query": a letter, the length and the text. */
const query = "Q".charCodeAt(0);
const headerBytes = 5;

export function openStatementWire(serverPort: number): StatementWire {
  let exchanges: { statement: string; bytes: number; from: number; to: number }[] = [];
  const proxy = startTcpProxy(serverPort, (piece, towards) => {
    const now = performance.now();
    if (towards === "server" && piece[0] === query) {
      const statement = new TextDecoder().decode(piece.subarray(headerBytes));
      exchanges.push({ statement, bytes: 0, from: now, to: now });
    }
    const last = exchanges.at(-1);
    if (!last) return;
    last.bytes += piece.length;
    last.to = now;
  });
  return {
    port: proxy.port,
    take() {
      const taken = exchanges.map(({ statement, bytes, from, to }) => ({
        ...{ statement, bytes },
        seconds: (to - from) / 1_000,
      }));
      exchanges = [];
      return taken;
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}
