import { z } from "zod";
import type { Benchmark } from "./bench.ts";
import { memoryOf } from "./child.ts";
import { describeTables, train } from "./clickwell.ts";
import { load, requireWrk } from "./http_load.ts";
import { median, type Sample } from "./measure.ts";
import { grouped, small } from "./notation.ts";
import { bound, compare, type Line } from "./result.ts";
import { type ServerProcess, startServer, withServers } from "./server_process.ts";
import { prepareServing, type Serving } from "./serving.ts";

const assignments = 1_000;
/** Many more than any deployment makes. */
const assignmentsPerSecond = 20;
/** Connections in addition to those of the load: after each assignment, each is asked which model answers. */
const witnesses = 16;
const latencyAim = 1 / 1.5;
const memoryAim = 1 / 1.1;

const answer = z.object({ model_id: z.string() });

export const swapUnderLoad: Benchmark = {
  title: "Swaps under load: 1,000 assignments at 64 connections, against the same server without",
  peers: [],
  async run(bench) {
    await requireWrk(bench);
    const serving = await prepareServing(bench);
    const second = await train(bench, serving.data, ["--C", "0.01"]);
    const models = [second.report.model_id, firstModel(serving)];
    const { data } = serving;
    const command = [...bench.clickwell, "serve", "--port", "0", "--data", data, "--models", serving.models];
    bench.note(command);
    return await withServers([() => startServer(command)], async ([server]) => {
      const swaps = createSwaps(server, models, await firstBody(serving));
      const perRound = Math.ceil(assignments / bench.rounds);
      const loadFor = (seconds: number) => load(bench, server.url, serving.bodies, { seconds });
      const seconds = Math.ceil(perRound / assignmentsPerSecond);
      const still = async (): Promise<Sample> => ({ ...await loadFor(seconds), ...residentOf(server) });
      const swapped = async (): Promise<Sample> => {
        const [sample, assignment] = await Promise.all([
          loadFor(seconds),
          swaps.make(perRound, assignmentsPerSecond),
        ]);
        return { ...sample, assignment, ...residentOf(server) };
      };
      const [ours, peer] = await bench.turns([
        { name: "with swaps", run: swapped },
        { name: "without", run: still },
      ]).finally(swaps.close);
      const resident = { what: "resident memory, last round against first", unit: "bytes" } as const;
      const { made, witnessed, stale } = swaps;
      const lines: Line[] = [
        compare(ours, peer, { what: "latency, 99th percentile", metric: "p99", aim: latencyAim }),
        compare(ours, peer, { what: "latency, median", metric: "p50" }),
        compare(ours, peer, { what: "requests", unit: "requests/s", metric: "requestsPerSecond" }),
        compare(
          { name: "last round", samples: ours.samples.slice(-1) },
          { name: "first round", samples: ours.samples.slice(0, 1) },
          { ...resident, metric: "residentBytes", aim: memoryAim },
        ),
        bound(ours, { what: "an assignment, from request to answer, median", metric: "assignment" }),
      ];
      return {
        data: `64 request bodies and two models out of ${describeTables(bench.offers)}`,
        lines,
        checks: [
          {
            what:
              `of ${grouped(witnessed)} answers on ${witnesses} other connections, asked for when one of ` +
              `${grouped(made)} assignments had been answered, ${small(stale)} were by the old model`,
            holds: stale === 0 && witnessed === made * witnesses && made >= assignments,
          },
        ],
        notes: [
          `The server has a thread per core. ${assignmentsPerSecond} assignments a second are made while wrk loads it; a ` +
          "request that fails ends the benchmark.",
        ],
      };
    });
  },
};

/** Returns the id of the model that was trained first, which is in production. */
function firstModel({ model }: Serving): string {
  return model.split("/").at(-2) ?? "";
}

async function firstBody({ bodies }: Serving): Promise<string> {
  return (await Deno.readTextFile(bodies)).split("\n")[0];
}

function residentOf({ pid }: ServerProcess): Sample {
  return { residentBytes: memoryOf(pid)?.residentBytes ?? NaN };
}

interface Swaps {
  /** Assignments, and answers of witnesses. */
  readonly made: number;
  readonly witnessed: number;
  /** Answers by the old model. */
  readonly stale: number;
  /** @returns The median of the assignments' seconds. @throws {Error} if a request fails. */
  make(count: number, perSecond: number): Promise<number>;
  close(): void;
}

/** Assigns one model after the other, and asks the witnesses after each. */
function createSwaps({ url }: ServerProcess, models: readonly string[], body: string): Swaps {
  const connections = Array.from(
    { length: witnesses },
    () => Deno.createHttpClient({ poolMaxIdlePerHost: 1 }),
  );
  let [made, witnessed, stale] = [0, 0, 0];

  async function post(path: string, sent: string, client: Deno.HttpClient): Promise<string> {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}${path}`, { method: "POST", body: sent, headers, client });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 500)}`);
    return answer.parse(JSON.parse(text)).model_id;
  }

  /** @returns The duration of the assignment in seconds. */
  async function swap(): Promise<number> {
    const modelId = models[made % models.length];
    const start = performance.now();
    await post("/model", JSON.stringify({ model_id: modelId }), connections[made % witnesses]);
    const seconds = (performance.now() - start) / 1000;
    made++;
    const answers = await Promise.all(connections.map((client) => post("/predict", body, client)));
    witnessed += answers.length;
    stale += answers.filter((answered) => answered !== modelId).length;
    return seconds;
  }

  return {
    get made() {
      return made;
    },
    get witnessed() {
      return witnessed;
    },
    get stale() {
      return stale;
    },
    async make(count, perSecond) {
      const seconds: number[] = [];
      const start = performance.now();
      for (let i = 0; i < count; i++) {
        const waitMs = start + 1000 * i / perSecond - performance.now();
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        seconds.push(await swap());
      }
      return median(seconds);
    },
    close() {
      for (const client of connections) client.close();
    },
  };
}
