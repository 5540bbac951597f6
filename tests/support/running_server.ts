import { createLog } from "../../server/runtime/log.ts";
import { type Server, type ServerOptions, startServer } from "../../server/server.ts";
import { makeServedModels, type ServedModels } from "./served_models.ts";

export interface RunningServer extends AsyncDisposable {
  readonly models: ServedModels;
  readonly server: Server;
  /** Log lines, as JSON. */
  readonly log: readonly string[];
  ask(path: string, body?: unknown): Promise<{ status: number; json: Record<string, unknown> }>;
}

/**
 * Starts a server in this process on a free port, with two models, of which the first is active.
 *
 * @param arrange Changes the models before the server starts.
 */
export async function runServer(
  options: Partial<ServerOptions> = {},
  arrange: (models: ServedModels) => void = () => {},
): Promise<RunningServer> {
  const models = makeServedModels();
  arrange(models);
  const { server, log } = await startTestServer(models, options);
  await server.complete;
  return {
    models,
    server,
    log,
    async ask(path, body) {
      const init = body === undefined ? {} : {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      };
      const response = await fetch(`${server.origin}${path}`, init);
      return { status: response.status, json: await response.json() };
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      models.remove();
    },
  };
}

/** Starts a server with these models without waiting for its workers. */
export async function startTestServer(
  { dataDir, modelsDir }: ServedModels,
  options: Partial<ServerOptions> = {},
): Promise<Pick<RunningServer, "server" | "log">> {
  const log: string[] = [];
  const server = await startServer({
    dataDir,
    modelsDir,
    hostname: "127.0.0.1",
    port: 0,
    workers: 1,
    token: undefined,
    insecure: false,
    drainDelayMs: 0,
    drainTimeoutMs: 5_000,
    log: createLog({ format: "json", level: "debug", write: (line) => log.push(line) }),
    ...options,
  });
  return { server, log };
}
