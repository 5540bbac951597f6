import { Failure } from "../../pipeline/failure.ts";
import { originOf } from "./host.ts";
import type { Log } from "./log.ts";

/**
 * True if the runtime parses HTTP/1.1 itself, as since Deno 2.9, and false if hyper does: a server must guard against
 * different things in each.
 */
export const runtimeParsesHttp: boolean = !/^2\.[0-8]\./.test(Deno.version.deno);

export type Listener = ReturnType<typeof openListener>;

export interface ListenerOptions {
  readonly hostname: string;
  /** 0 chooses a free port. */
  readonly port: number;
  /** Other threads of this process listen on the port too; the system distributes the connections. */
  readonly shared?: boolean;
  readonly handler: Deno.ServeHandler<Deno.NetAddr>;
  readonly onError: (error: unknown) => Response;
  /** Called once a second while the listener is open. */
  readonly checkDeadlines: () => void;
  readonly log: Log;
}

interface Binding {
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  readonly aborting: AbortController;
}

const rebindDelayFirstMs = 200;
const rebindDelayMaxMs = 2_000;
const checkDeadlinesEveryMs = 1_000;

/**
 * Serves HTTP until it is stopped. If the runtime stops listening (it does when the process runs out of file descriptors, and
 * would end the process), binds again until it succeeds.
 *
 * @throws {Failure} `address-unusable`
 */
export function openListener({ log, onError, checkDeadlines, ...options }: ListenerOptions) {
  let stopping = false;
  let current: Binding | undefined = bind(options.port);
  const { hostname, port } = current.server.addr;
  const deadlines = setInterval(checkDeadlines, checkDeadlinesEveryMs);

  function bind(at: number): Binding {
    const aborting = new AbortController();
    // `automaticCompression` is newer than the oldest supported runtime, so its types lack it. Responses are so short that
    // compressing them costs more than sending them.
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
      server.finished.catch(handleLoss);
      return { server, aborting };
    } catch (error) {
      throw addressUnusable(options.hostname, at, error);
    }
  }

  function handleLoss(error: unknown): void {
    current = undefined;
    if (stopping) return;
    log.error("listener lost", { cause: String(error) });
    setTimeout(rebind, rebindDelayFirstMs, rebindDelayFirstMs);
  }

  function rebind(lastDelayMs: number): void {
    if (stopping) return;
    try {
      current = bind(port);
      log.warn("listening again", { url: originOf(hostname, port) });
    } catch {
      const delayMs = Math.min(2 * lastDelayMs, rebindDelayMaxMs);
      setTimeout(rebind, delayMs, delayMs);
    }
  }

  return {
    hostname,
    port,
    /** Stops accepting connections and waits until all are closed; does not return while a client stalls. */
    async drain(): Promise<void> {
      stopping = true;
      await current?.server.shutdown();
      clearInterval(deadlines);
    },
    /** Closes every connection at once. Call it instead of `drain`, not after it: the runtime then cannot. */
    abort(): void {
      stopping = true;
      clearInterval(deadlines);
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
      ? `Cannot listen on ${origin}: another program uses the port. Choose another --port, or 0 for a free one.`
      : `Cannot listen on ${origin}: ${reason}. Choose another --host or --port.`,
  );
}
