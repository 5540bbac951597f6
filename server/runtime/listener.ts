import { Failure } from "../../pipeline/failure.ts";
import { originOf } from "./host.ts";
import type { Log } from "./log.ts";

/**
 * True if the runtime parses HTTP/1.1 itself, as since Deno 2.9, and false if hyper does: a server must guard against
 * different things in each.
 */
export const runtimeParsesHttp: boolean = !/^2\.[0-8]\./.test(Deno.version.deno);

export interface Listener {
  readonly hostname: string;
  readonly port: number;
  /** Takes no new connections, and returns when the last one is closed: never, where a client stalls. */
  drain(): Promise<void>;
  /** Closes every connection as it is. In place of `drain`: after it, the runtime cannot any more. */
  abort(): void;
}

export interface ListenerOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Other threads of this process listen there too; the system shares the connections out. */
  readonly shared?: boolean;
  readonly handler: Deno.ServeHandler<Deno.NetAddr>;
  readonly onError: (error: unknown) => Response;
  readonly log: Log;
}

interface Binding {
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  readonly aborting: AbortController;
}

const rebindFirstMs = 200;
const rebindLastMs = 2_000;

/**
 * Serves HTTP until it is stopped. Where the runtime gives up listening (it does when the process runs out of file
 * descriptors, and would end the process), it binds again until it succeeds.
 *
 * @throws {Failure} `address-unusable`
 */
export function openListener({ log, onError, ...options }: ListenerOptions): Listener {
  let stopping = false;
  let current: Binding | undefined = bind(options.port);
  const { hostname, port } = current.server.addr;

  function bind(at: number): Binding {
    const aborting = new AbortController();
    // `automaticCompression` is later than the oldest runtime that is supported, so it is not in its types. Answers are
    // so short that to compress them costs more than to send them.
    const settings = {
      hostname: options.hostname,
      port: at,
      signal: aborting.signal,
      ...(options.shared ? { reusePort: true } : {}),
      onListen() {},
      onError,
      automaticCompression: false,
    };
    try {
      const server = Deno.serve(settings, options.handler);
      server.finished.catch(lose);
      return { server, aborting };
    } catch (error) {
      throw addressUnusable(options.hostname, at, error);
    }
  }

  function lose(error: unknown): void {
    current = undefined;
    if (stopping) return;
    log.error("listener lost", { cause: String(error) });
    setTimeout(rebind, rebindFirstMs, rebindFirstMs);
  }

  function rebind(waitedMs: number): void {
    if (stopping) return;
    try {
      current = bind(port);
      log.warn("listening again", { url: originOf(hostname, port) });
    } catch {
      const waitMs = Math.min(2 * waitedMs, rebindLastMs);
      setTimeout(rebind, waitMs, waitMs);
    }
  }

  return {
    hostname,
    port,
    async drain() {
      stopping = true;
      await current?.server.shutdown();
    },
    abort() {
      stopping = true;
      current?.aborting.abort();
    },
  };
}

export function addressUnusable(hostname: string, port: number, error: unknown): Failure {
  const origin = originOf(hostname, port);
  const reason = error instanceof Error ? error.message.replace(/ \(os error \d+\)$/, "") : String(error);
  return new Failure(
    "address-unusable",
    error instanceof Deno.errors.AddrInUse
      ? `Cannot listen on ${origin}: another program does. Choose another --port, or 0 for a free one.`
      : `Cannot listen on ${origin}: ${reason}. Choose another --host or --port.`,
  );
}
