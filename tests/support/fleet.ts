import assert from "node:assert/strict";
import { join } from "node:path";
import type { Artifact } from "../../pipeline/model/artifact.ts";
import { openRegistryAt } from "../../pipeline/model/open_registry.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";
import { inFolder } from "./program.ts";
import { type ServeProcess, startServe } from "./serve_process.ts";
import { makeServedModels, probabilityOf, row, type ServedModels } from "./served_models.ts";
import { startTcpProxy, type TcpProxy } from "./tcp_proxy.ts";

/** Where a server of a fleet finds what it shares with the others. */
export interface SharedPlaces {
  /** The URL of the registry; default: through the fleet's proxy. */
  readonly registry?: string;
  /** The place of the models; default: a folder. */
  readonly models?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Servers in processes of their own, with the program's permissions, that share a registry in PostgreSQL. */
export interface Fleet extends ServedModels {
  readonly postgres: PostgresServer;
  /** The network between the servers and PostgreSQL. */
  readonly proxy: TcpProxy;
  /** Starts a server with its own data folder. */
  start(name: string, places?: SharedPlaces): Promise<ServeProcess>;
  folderOf(name: string): string;
}

/** Runs a test with two models in the registry, of which the first is in production. */
export function withFleet(test: (fleet: Fleet) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    await using postgres = await startPostgres();
    await using proxy = startTcpProxy(postgres.port);
    const models = makeServedModels();
    try {
      const registry = await openRegistryAt({ dataDir: "none", url: postgres.url() });
      await registry.registerModel(models.first, 1_000_000);
      await registry.registerModel(models.second, 2_000_000);
      await registry.assign({ modelId: models.first.id, assignedAt: 3_000_000, assignedBy: "test" });
      await registry.close();
      const folderOf = (server: string) => join(folder, server);
      const start = (server: string, places: SharedPlaces = {}) => {
        const folders = ["--data", folderOf(server), "--models", places.models ?? models.modelsDir];
        return startServe([...folders, "--workers", "2", "--drain-delay", "0"], {
          env: { CLICKWELL_REGISTRY: places.registry ?? registryUrl(postgres, proxy), ...places.env },
        });
      };
      await test({ ...models, postgres, proxy, start, folderOf });
    } finally {
      models.remove();
    }
  });
}

/** Returns the URL of the registry through a proxy. */
export function registryUrl(postgres: PostgresServer, proxy: TcpProxy): string {
  return postgres.url().replace(`:${postgres.port}/`, `:${proxy.port}/`);
}

export async function eventually(
  holds: () => Promise<boolean>,
  what: string,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function ask({ origin }: ServeProcess, path: string, body?: unknown) {
  const response = await fetch(`${origin}${path}`, {
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    headers: { "content-type": "application/json" },
  });
  const text = await response.text();
  return { status: response.status, text, json: path === "/metrics" ? {} : JSON.parse(text) };
}

/** A server that may be ended and started again; undefined while it does not run. */
export interface Member {
  process: ServeProcess | undefined;
}

/** A prediction that a client got. Times are those of `performance.now()`. */
export interface Prediction<M extends Member> {
  readonly member: M;
  readonly modelId: string;
  readonly sentAt: number;
  readonly answeredAt: number;
}

/**
 * Asks servers for predictions, one client for each, until it is stopped.
 *
 * @param models All models that may answer.
 * @param pauseMs Between an answer and the next request.
 */
export function startLoad<M extends Member>(
  members: readonly M[],
  models: readonly Artifact[],
  pauseMs?: number,
) {
  const probabilities = new Map(models.map((model) => [model.id, probabilityOf(model)]));
  const failures: string[] = [];
  const predictions: Prediction<M>[] = [];
  const newest = new Map<M, string>();
  let done = false;

  const askOnce = async (member: M, process: ServeProcess) => {
    const sentAt = performance.now();
    const { status, json } = await ask(process, "/predict", row).catch((error) => ({
      status: 0,
      json: { detail: String(error) },
    }));
    // The connections of a server that was ended meanwhile are gone.
    if (status === 0 && member.process !== process) return;
    if (status !== 200) failures.push(`${status} ${JSON.stringify(json)}`);
    else if (probabilities.get(json.model_id) !== json.probability) {
      failures.push(`a mixture: ${JSON.stringify(json)}`);
    } else {
      newest.set(member, json.model_id);
      predictions.push({ member, modelId: json.model_id, sentAt, answeredAt: performance.now() });
    }
  };
  const clients = members.map(async (member) => {
    while (!done) {
      if (member.process) await askOnce(member, member.process);
      if (pauseMs !== undefined || !member.process) {
        await new Promise((resolve) => setTimeout(resolve, pauseMs ?? 5));
      }
    }
  });
  return {
    /** The model of a server's last answer. */
    newest: newest as ReadonlyMap<M, string>,
    /** Fails if a prediction failed, or was not that of the model it names. */
    async stop(): Promise<readonly Prediction<M>[]> {
      done = true;
      await Promise.all(clients);
      assert.deepEqual(failures, []);
      return predictions;
    },
  };
}
