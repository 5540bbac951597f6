import { z } from "zod";
import type { Artifact } from "../pipeline/model/artifact.ts";
import { openArtifacts } from "../pipeline/model/open_artifacts.ts";
import { openRegistryAt } from "../pipeline/model/open_registry.ts";
import type { Registry } from "../pipeline/model/registry.ts";
import { postgresPrograms, startPostgres } from "../tests/support/postgres.ts";
import { type Benchmark, Skipped } from "./bench.ts";
import { describeTables, train } from "./clickwell.ts";
import { load, loadLines, requireWrk } from "./http_load.ts";
import { median, type Sample } from "./measure.ts";
import { grouped } from "./notation.ts";
import { bound } from "./result.ts";
import { type ServerProcess, startServer, withServers } from "./server_process.ts";
import { prepareServing, readRows } from "./serving.ts";

const swaps = 200;
const serverCount = 3;
/** Issue 17: seconds from the beginning of a commit to the last server's swap. */
const followAim = 0.05;
const followMax = 2;
const startAim = 0.15;

const askEveryMs = 2;

const answer = z.object({ model_id: z.string() });

export const fleetRegistry: Benchmark = {
  title: "A registry in PostgreSQL: three servers follow it, and POST /predict against the embedded one",
  peers: [],
  async run(bench) {
    if (postgresPrograms === undefined) {
      throw new Skipped("PostgreSQL is not installed: apt-get install postgresql");
    }
    await requireWrk(bench);
    const serving = await prepareServing(bench);
    const { data, models } = serving;
    const second = await train(bench, data, ["--C", "0.01"]);
    const artifacts = await Promise.all(
      [second.model, serving.model].map((path) => openArtifacts({ data, models }).read(idOf(path))),
    );
    await using postgres = await startPostgres();
    const registry = await openRegistryAt({ dataDir: data, url: postgres.url() });
    await registerAll(registry, artifacts);
    const shape = ["serve", "--port", "0", "--workers", "1", "--models", models];
    const embedded = [...bench.clickwell, ...shape, "--data", data];
    const inPostgres = (name: string) => [...bench.clickwell, ...shape, "--data", `${bench.folder}/${name}`];
    const env = { CLICKWELL_REGISTRY: postgres.url() };
    const start = (name: string) => startServer(inPostgres(name), { env });
    bench.note(embedded);
    bench.note(["CLICKWELL_REGISTRY=postgres://…", ...inPostgres("one")]);
    const [body] = await readRows(serving);
    const starts = await bench.turns([
      { name: "in PostgreSQL", run: () => secondsToAnswer(() => start("start"), body) },
      { name: "embedded", run: () => secondsToAnswer(() => startServer(embedded), body) },
    ]);
    const names = Array.from({ length: serverCount }, (_, i) => `server ${i}`);
    const found: number[] = [];
    const perRound = Math.ceil(swaps / bench.rounds);
    const [following] = await withServers(names.map((name) => () => start(name)), (servers) =>
      bench.turns([{
        name: "in PostgreSQL",
        run: async (): Promise<Sample> => {
          const seconds = await follow(registry, servers, artifacts, perRound);
          found.push(...seconds);
          return { follow: median(seconds), longest: Math.max(...seconds) };
        },
      }]));
    const [ours, peer] = await withServers(
      [() => start("load"), () => startServer(embedded)],
      ([ours, peer]) =>
        bench.turns([
          { name: "in PostgreSQL", run: () => load(bench, ours.url, serving.bodies) },
          { name: "embedded", run: () => load(bench, peer.url, serving.bodies) },
        ]),
    );
    await registry.close();
    const extra = starts[0].samples.map(({ seconds }, i) => ({
      seconds: seconds - starts[1].samples[i].seconds,
    }));
    return {
      data: `64 request bodies and two models out of ${describeTables(bench.offers)}`,
      lines: [
        bound(following, {
          what: "from before the commit to the last server's swap, median",
          metric: "follow",
          aim: followAim,
        }),
        bound(following, { what: "the same, longest", metric: "longest", aim: followMax }),
        ...loadLines(ours, peer, 0.98),
        bound({ name: "in PostgreSQL", samples: extra }, {
          what: "start to first prediction, beyond that of the embedded one",
          aim: startAim,
        }),
      ],
      checks: [{
        what: `${
          grouped(found.length)
        } assignments were followed by ${serverCount} servers, each within ${followMax} s`,
        holds: found.length >= swaps && Math.max(...found) <= followMax,
      }],
      notes: [
        "PostgreSQL runs on the same machine, with fsync off; it and the servers share its cores with what asks them. A swap is seen by " +
        "asking each server for its model every 2 ms.",
      ],
    };
  },
};

function idOf(path: string): string {
  return path.split("/").at(-2) ?? "";
}

async function registerAll(registry: Registry, artifacts: readonly Artifact[]): Promise<void> {
  for (const artifact of artifacts) await registry.registerModel(artifact, 1);
  await assign(registry, artifacts[1].id);
}

function assign(registry: Registry, modelId: string) {
  return registry.assign({ modelId, assignedAt: Date.now() * 1000, assignedBy: "bench" });
}

/** Assigns one model after the other. @returns The seconds until the last server had it. */
async function follow(
  registry: Registry,
  servers: readonly ServerProcess[],
  artifacts: readonly Artifact[],
  count: number,
): Promise<number[]> {
  const seconds: number[] = [];
  for (let i = 0; i < count; i++) {
    const current = (await registry.activeModel())?.modelId;
    const { id } = artifacts.find(({ id }) => id !== current) ?? artifacts[0];
    const start = performance.now();
    await assign(registry, id);
    await Promise.all(servers.map((server) => until(server, id)));
    seconds.push((performance.now() - start) / 1000);
  }
  return seconds;
}

async function until({ url }: ServerProcess, modelId: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/model`);
    if (answer.parse(await response.json()).model_id === modelId) return;
    // Servers that are asked without a pause have no time to follow.
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
  }
}

async function secondsToAnswer(start: () => Promise<ServerProcess>, body: unknown): Promise<Sample> {
  const begin = performance.now();
  const server = await start();
  try {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${server.url}/predict`, {
      method: "POST",
      body: JSON.stringify(body),
      headers,
    });
    answer.parse(await response.json());
    return { seconds: (performance.now() - begin) / 1000 };
  } finally {
    await server.stop();
  }
}
