import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { PostgresAddress } from "./address.ts";
import { type CopiedRows, createFrameCheck, type FrameCheckOptions } from "./frame_check.ts";

/** A connection that cannot be used: the server, the network, or the certificate. */
export class ConnectionFault extends Error {
  override readonly name = "ConnectionFault";
  constructor(
    message: string,
    /** Trying again does not help. */
    readonly isLasting: boolean,
  ) {
    super(message);
  }
}

/** "SSLRequest": length, then a number that is no version. */
const encryptionRequest = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
const yes = "S".charCodeAt(0);
const readBytes = 64 * 1024;

/**
 * Connects to a server, encrypted as the address says, for the package `postgres`.
 *
 * @param options.ca The certificates, in PEM, of the authority that signed the server's; default: those of the system.
 * @param options.signal Ends the attempt.
 * @param options.onCopied Takes the rows of copies: the package would make a message of a stream of each.
 * @throws {ConnectionFault}
 */
export async function openConnection(
  address: PostgresAddress,
  { ca, signal, onCopied }: {
    readonly ca?: string | undefined;
    readonly signal: AbortSignal;
    readonly onCopied?: CopiedRows | undefined;
  },
): Promise<Duplex> {
  const { hostname, port, socketPath, encryption, isClearAllowed } = address;
  if (socketPath !== undefined) {
    const conn = await connected(Deno.connect({ transport: "unix", path: socketPath }));
    return createStream(conn, { isClearAllowed: true, onCopied });
  }
  const conn = await connected(Deno.connect({ hostname, port, signal }));
  conn.setNoDelay();
  conn.setKeepAlive();
  if (encryption === "none") return createStream(conn, { isClearAllowed, onCopied });
  const close = () => closeQuietly(conn);
  signal.addEventListener("abort", close);
  try {
    return createStream(await encrypt(conn, address, ca), { isClearAllowed: true, onCopied });
  } catch (error) {
    close();
    throw error instanceof ConnectionFault ? error : new ConnectionFault("the connection broke", false);
  } finally {
    signal.removeEventListener("abort", close);
  }
}

async function connected<T>(connecting: Promise<T>): Promise<T> {
  try {
    return await connecting;
  } catch (error) {
    throw new ConnectionFault(connectText(error), false);
  }
}

function connectText(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "nothing listens there";
  if (error instanceof Deno.errors.NotFound) return "there is no such socket";
  if (error instanceof Deno.errors.NotCapable) return "this executable may not use that part of the network";
  const text = error instanceof Error ? error.message : String(error);
  return /lookup|resolve|name or service/i.test(text) ? "the host's name is unknown" : "no connection";
}

async function encrypt(
  conn: Deno.TcpConn,
  { hostname, encryption }: PostgresAddress,
  ca: string | undefined,
): Promise<Deno.TlsConn> {
  await writeAll(conn, encryptionRequest);
  const answer = new Uint8Array(1);
  if (await conn.read(answer) === null) throw new ConnectionFault("it closed the connection", false);
  if (answer[0] !== yes) {
    throw new ConnectionFault(
      "it does not encrypt; turn its ssl on, or accept that everything is sent as it is with sslmode=disable",
      true,
    );
  }
  const tls = await Deno.startTls(conn, {
    hostname,
    ...(ca === undefined ? {} : { caCerts: [ca] }),
    unsafelyDisableHostnameVerification: encryption === "chain",
  });
  try {
    await tls.handshake();
    return tls;
  } catch (error) {
    closeQuietly(tls);
    throw certificateFault(error, ca);
  }
}

function certificateFault(error: unknown, ca: string | undefined): ConnectionFault {
  const text = error instanceof Error ? error.message : String(error);
  if (!/certificate|CaUsedAsEndEntity|UnknownIssuer/i.test(text)) {
    return new ConnectionFault("the encrypted connection could not be opened", false);
  }
  const reason = /NotValidForName|not valid for name/i.test(text)
    ? "its certificate is of another name; give the host as the certificate has it, or check only who signed it with " +
      "sslmode=verify-ca"
    : /expired|NotValidYet|not valid yet/i.test(text)
    ? "its certificate has expired or is not valid yet"
    : /CaUsedAsEndEntity/i.test(text)
    ? "it uses the certificate of an authority as its own; sign one for the server with it"
    : `its certificate is signed by none of ${
      ca === undefined ? "the system's" : "the given"
    } authorities; give the ` +
      "authority's certificate with --registry-ca FILE (of an engine: --engine-ca)";
  return new ConnectionFault(reason, true);
}

/** Makes a connection a stream as `node:net` has it. What the server sends is checked first. */
function createStream(conn: Deno.Conn, options: FrameCheckOptions): Duplex {
  const check = createFrameCheck(options);
  const buffer = new Uint8Array(readBytes);
  let isEnding = false;
  /** After the goodbye, the end is what was asked for: no call waits for an answer, or for an error. */
  const fail = (reason: string) =>
    void stream.destroy(isEnding ? undefined : new ConnectionFault(reason, false));
  const stream: Duplex = new Duplex({
    async read() {
      try {
        for (;;) {
          const count = await conn.read(buffer);
          // As a failure: an end before the login would make the package connect again and again without a pause.
          if (count === null) return fail("it closed the connection");
          const { bytes, fault } = check(buffer.subarray(0, count));
          if (fault !== undefined) return void stream.destroy(new ConnectionFault(fault, false));
          // Rows of copies are taken already, and the stream asks again only after it has got something.
          if (bytes.length > 0) return void stream.push(Buffer.from(bytes));
        }
      } catch {
        fail("the connection broke");
      }
    },
    write(chunk: Uint8Array, _encoding, done) {
      if (isGoodbye(chunk)) isEnding = true;
      writeAll(conn, chunk).then(
        () => done(),
        () => done(isEnding ? null : new ConnectionFault("the connection broke", false)),
      );
    },
    final(done) {
      closeQuietly(conn);
      done();
    },
    destroy(error, done) {
      closeQuietly(conn);
      done(error);
    },
  });
  // The package says goodbye only on a stream that says it is open.
  return Object.defineProperty(stream, "readyState", { get: () => stream.destroyed ? "closed" : "open" });
}

/** "Terminate": a letter and the length. */
function isGoodbye(chunk: Uint8Array): boolean {
  return chunk.length === 5 && chunk[0] === "X".charCodeAt(0);
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch { /* It is closed. */ }
}
