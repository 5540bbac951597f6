import { join } from "node:path";
import { postgresPrograms, startPostgres } from "../tests/support/postgres.ts";
import { type RunningObjectServer, versitygw } from "../tests/fleet/object_servers.ts";
import { type Bench, type Benchmark, Skipped } from "./bench.ts";
import { clickwell, describeTables } from "./clickwell.ts";
import { load, requireWrk } from "./http_load.ts";
import { median, type Sample, type Side } from "./measure.ts";
import { compare, type Line } from "./result.ts";
import { startServer } from "./server_process.ts";
import { prepareServing, readRows, type Serving } from "./serving.ts";

const keys = { AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "a-secret-key-of-a-benchmark" };
/** Issue 17: of the embedded default's requests, and seconds that a start may take longer. */
const requestsAim = 0.98;
const startAim = 0.15;

/** Where a server has its registry and its models. */
interface Place {
  readonly name: string;
  readonly data: string;
  readonly flags: readonly string[];
}

export const fleetServing: Benchmark = {
  title: "A server of a fleet, models in S3, against the embedded default: start and POST /predict",
  peers: [],
  async run(bench) {
    await requireWrk(bench);
    if (!versitygw) throw new Skipped("there is no server of S3 here: deno task test-fleet");
    const serving = await prepareServing(bench);
    await using objects = await versitygw.start(keys);
    await using database = postgresPrograms === undefined ? undefined : await startPostgres();
    const embedded: Place = { name: "embedded", data: serving.data, flags: ["--models", serving.models] };
    const fleet = await placesOf(bench, serving, { objects, database });
    const env = { ...keys, AWS_ENDPOINT_URL: objects.origin };
    const rows = await readRows(serving);
    const sideOf = (place: Place): Side => ({
      name: place.name,
      run: () => startAndLoad(bench, place, { env, row: rows[0], bodies: serving.bodies }),
    });
    const [peer, ...ours] = await bench.turns([embedded, ...fleet].map(sideOf));
    const secondsOf = ({ samples }: typeof peer) => median(samples.map(({ seconds }) => seconds));
    return {
      data: `a model of ${describeTables(bench.offers)}`,
      lines: ours.flatMap((side): Line[] => [
        compare(side, peer, {
          what: `${side.name}: requests`,
          unit: "requests/s",
          metric: "requestsPerSecond",
          aim: requestsAim,
        }),
        compare(side, peer, { what: `${side.name}: latency, 99th percentile`, metric: "p99" }),
        compare(side, peer, { what: `${side.name}: start to first prediction` }),
      ]),
      checks: ours.map((side) => ({
        what: `${side.name}: the start takes at most ${
          startAim * 1000
        } ms longer, without a copy of the model`,
        holds: secondsOf(side) - secondsOf(peer) <= startAim,
      })),
      notes: [
        "One worker. S3 is versitygw on the same machine, which answers in milliseconds; PostgreSQL, too, where it is installed.",
      ],
    };
  },
};

/** Copies the model to the object store, and to a registry in PostgreSQL if there is one. */
async function placesOf(
  bench: Bench,
  { data, models }: Serving,
  { objects, database }: {
    readonly objects: RunningObjectServer;
    readonly database: { url(): string } | undefined;
  },
): Promise<Place[]> {
  const exported = join(bench.folder, "exported");
  const url = `s3://bucket/models?endpoint=${objects.origin}`;
  const env = { ...keys };
  const shell = (
    args: readonly string[],
  ) => ["env", ...Object.entries(env).map((pair) => pair.join("=")), ...args];
  const run = (args: readonly string[]) => bench.run(shell([...bench.clickwell, ...args]));
  await clickwell(bench, ["models", "export", "1", exported, "--data", data, "--models", models]);
  await run(["models", "import", exported, "--data", data, "--models", url]);
  const places: Place[] = [{ name: "models in S3", data, flags: ["--models", url] }];
  if (!database) return places;
  const flags = ["--models", url, "--registry", database.url()];
  const own = join(bench.folder, "fleet");
  await run(["models", "import", exported, "--data", own, ...flags]);
  await run(["models", "activate", "1", "--data", own, ...flags]);
  return [...places, { name: "registry in PostgreSQL, models in S3", data: own, flags }];
}

async function startAndLoad(
  bench: Bench,
  { data, flags }: Place,
  { env, row, bodies }: {
    readonly env: Readonly<Record<string, string>>;
    readonly row: unknown;
    readonly bodies: string;
  },
): Promise<Sample> {
  // As on a new machine.
  await Deno.remove(join(data, "models-cache"), { recursive: true }).catch(() => {});
  const command = [...bench.clickwell, "serve", "--port", "0", "--workers", "1", "--data", data, ...flags];
  const start = performance.now();
  const server = await startServer(command, { env });
  try {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${server.url}/predict`, {
      method: "POST",
      headers,
      body: JSON.stringify(row),
    });
    if (!answer.ok) throw new Error(`/predict answers ${answer.status}: ${await answer.text()}`);
    await answer.body?.cancel();
    const seconds = (performance.now() - start) / 1000;
    return { ...await load(bench, server.url, bodies), seconds };
  } finally {
    await server.stop();
  }
}
