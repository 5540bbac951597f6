import { Failure } from "../pipeline/failure.ts";
import { isLoopback, originOf } from "./host.ts";
import { settled, within } from "./lifecycle.ts";
import { openListener } from "./listener.ts";
import { problemResponse } from "./problem.ts";
import { createService, type ServiceOptions } from "./service.ts";
import { watchStore } from "./store_watch.ts";

/** For answers that are on their way when the time is over. */
const lastWordsMs = 200;

export interface ServerOptions extends ServiceOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** How long to answer all the same, but say "not ready", before no more connections are taken. */
  readonly drainDelayMs: number;
  /** How long requests in flight may take from then on. */
  readonly drainTimeoutMs: number;
}

export interface Server {
  /** Where it listens, as in http://127.0.0.1:7999. */
  readonly origin: string;
  readonly hostname: string;
  readonly port: number;
  /** The model that answers, if any. */
  readonly modelId: string | undefined;
  /** Finishes what is in flight, and returns when the drain's time is over at the latest. */
  stop(): Promise<void>;
}

/**
 * Loads the model in production, then listens.
 *
 * @throws {Failure} `address-unusable`; `usage-invalid` where writes would be open to other machines.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { dataDir, hostname, token, insecure, log } = options;
  requireGuard(options);
  const service = createService(options);
  await service.production.follow();
  const listener = openListener({
    hostname,
    port: options.port,
    handler: service.handler,
    // The handler answers its own failures: what comes here is a response that the runtime could not send.
    onError(error) {
      service.refusals.note(error, { request_id: "none" });
      return problemResponse(error, "none");
    },
    log,
  });
  const watch = watchStore(dataDir, service.production.follow);
  const origin = originOf(listener.hostname, listener.port);
  const modelId = service.slot.current?.modelId;
  log.info("listening", { url: origin, model_id: modelId ?? null, writes: guardText(token, insecure) });
  if (!service.slot.current) log.warn("not ready", { detail: service.slot.absence.message });

  async function drain(): Promise<void> {
    service.lifecycle.draining = true;
    watch.stop();
    log.info("draining", { delay_ms: options.drainDelayMs, timeout_ms: options.drainTimeoutMs });
    await new Promise((resolve) => setTimeout(resolve, options.drainDelayMs));
    const deadline = performance.now() + options.drainTimeoutMs;
    // Before the port is closed: when it is, the runtime breaks off bodies that are not complete.
    const idle = await settled(service.lifecycle, options.drainTimeoutMs);
    if (!idle) listener.abort();
    const ended = idle && await within(listener.drain(), Math.max(deadline - performance.now(), lastWordsMs));
    if (!ended) log.warn("drain ended early", { detail: "some connections were still busy" });
    service.storedRows.close();
    service.refusals.flush();
    log.info("stopped");
  }

  let stopped: Promise<void> | undefined;
  return {
    origin,
    hostname: listener.hostname,
    port: listener.port,
    modelId,
    stop: () => stopped ??= drain(),
  };
}

/** @throws {Failure} `usage-invalid` */
function requireGuard({ hostname, token, insecure }: ServerOptions): void {
  if (isLoopback(hostname) || token !== undefined || insecure) return;
  throw new Failure(
    "usage-invalid",
    `On ${hostname} other machines could change the model in production. Set CLICKWELL_ADMIN_TOKEN (or the file ` +
      "CLICKWELL_ADMIN_TOKEN_FILE), listen on 127.0.0.1, or accept it with --insecure.",
  );
}

function guardText(token: string | undefined, insecure: boolean): string {
  return token !== undefined
    ? "with the admin token"
    : insecure
    ? "open to everyone"
    : "open on this machine";
}
