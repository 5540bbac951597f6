import { join } from "node:path";
import { z } from "zod";
import { postgresPrograms, startPostgres } from "../tests/support/postgres.ts";
import { type Bench, type Benchmark, Skipped } from "./bench.ts";
import { clickwell, describeTables, generatedTables } from "./clickwell.ts";
import { lastLineAs } from "./bench.ts";
import type { Sample } from "./measure.ts";
import { small } from "./notation.ts";
import { flags, installPeers, peer } from "./python.ts";
import { compare } from "./result.ts";
import { specFile } from "./serving.ts";

/** The coefficients are those of the same optimum. */
const differenceMax = 1e-9;
/** glum's default. */
const glumTolerance = 1e-4;

const nothing = z.object({});
const peerReport = z.object({ peak_bytes: z.number().nullable() });
const trained = z.object({ path: z.string() });
const artifact = z.object({
  userDefinedMetadata: z.object({ coefficients: z.array(z.number()), intercept: z.number() }),
});

export const trainPostgres: Benchmark = {
  title: "A view of PostgreSQL to a saved model",
  peers: ["polars", "glum", "psycopg"],
  async run(bench) {
    if (postgresPrograms === undefined) {
      throw new Skipped("PostgreSQL is not installed: apt-get install postgresql");
    }
    await installPeers(["requirements-postgres.txt"], bench.say);
    const tables = await generatedTables(bench, bench.offers);
    await using postgres = await startPostgres();
    const url = postgres.url();
    await loadIntoPostgres(bench, tables, url);
    const models: Record<string, string> = {};
    const train = (name: string, pushDownRows: number) => async (): Promise<Sample> => {
      const { sample, path } = await trainOn(bench, url, name, pushDownRows);
      models[name] = path;
      return sample;
    };
    const [fetched, theirs, pushed] = await bench.turns([
      { name: "fetched", run: train("fetched", 1e12) },
      {
        name: "psycopg, polars and glum",
        run: async () => {
          const out = join(bench.folder, "peer-model.json");
          const args = flags({ url, spec: specFile, tolerance: glumTolerance, out });
          const { finished, report } = await peer(bench, "postgres_path.py", args, peerReport);
          return { seconds: finished.seconds, peakBytes: report.peak_bytes ?? NaN };
        },
      },
      { name: "pushed down", run: train("pushed", 0) },
    ]);
    const difference = await largestDifference(models.fetched, models.pushed);
    return {
      data: describeTables(bench.offers),
      lines: [
        compare(fetched, theirs, { what: "view to a model, rows fetched", aim: 1 }),
        compare(fetched, theirs, { what: "peak memory", unit: "bytes", metric: "peakBytes" }),
        compare(fetched, pushed, { what: "rows fetched, against sums pushed down" }),
      ],
      checks: [{
        what: `the coefficients of both ways differ by ${small(difference)} at most (${differenceMax})`,
        holds: difference <= differenceMax,
      }],
      notes: [
        "PostgreSQL runs on the same machine with its default settings, but without fsync. Seconds are those of whole processes; clickwell registers a model " +
        "with its metrics, the Python process keeps nothing but the coefficients. Memory is that of the client.",
      ],
    };
  },
};

/** Loads tables into a database, with a view of the examples. */
export async function loadIntoPostgres(bench: Bench, tables: string, url: string): Promise<void> {
  await peer(bench, "postgres_load.py", flags({ tables, url }), nothing);
}

/** Trains on a database. @param name Of the folders of its data and models. */
export async function trainOn(bench: Bench, url: string, name: string, pushDownRows: number) {
  const [data, models] = [join(bench.folder, `${name}-data`), join(bench.folder, `${name}-models`)];
  for (const folder of [data, models]) await Deno.remove(folder, { recursive: true }).catch(() => {});
  const finished = await clickwell(bench, [
    ...["train", "--engine", url, "--data", data, "--models", models],
    ...["--push-down-rows", String(pushDownRows)],
  ]);
  const { seconds, peakBytes } = finished;
  return { sample: { seconds, peakBytes }, path: lastLineAs(finished, trained).path };
}

async function largestDifference(one: string, other: string): Promise<number> {
  const [a, b] = await Promise.all([one, other].map(async (path) => {
    const text = await Deno.readTextFile(join(path, "model.json"));
    const { coefficients, intercept } = artifact.parse(JSON.parse(text)).userDefinedMetadata;
    return [...coefficients, intercept];
  }));
  return Math.max(...a.map((value, i) => Math.abs(value - b[i])));
}
