import { dirname, join } from "node:path";
import { z } from "zod";
import { targetsOf } from "../commands/bench/requests.ts";
import { readArtifact } from "../pipeline/model/artifact_folder.ts";
import type { Bench, Benchmark } from "./bench.ts";
import { lastLineAs } from "./bench.ts";
import { clickwell, describeTables, generatedTables, ingest, train } from "./clickwell.ts";
import { load, requireWrk } from "./http_load.ts";
import { median, ratios, type Sample, seriesOf } from "./measure.ts";
import { compare } from "./result.ts";
import { startServer, withServers } from "./server_process.ts";

const connections = 64;
const seconds = 3;
/** Issue 15. */
const tolerance = 0.1;

const speed = z.object({ rows_per_second: z.number(), p50_ms: z.number(), p99_ms: z.number() });
const report = z.object({ predict: speed, batch: speed });

/** What is compared: the metric of the samples, and whether its agreement is required. */
const metrics = [
  { what: "/predict", unit: "requests/s", metric: "predictRows" },
  { what: "/predict, median", unit: "seconds", metric: "predictP50" },
  { what: "/predict, 99th percentile", unit: "seconds", metric: "predictP99" },
  { what: "rows of /predict/batch", unit: "requests/s", metric: "batchRows" },
  { what: "/predict/batch, median", unit: "seconds", metric: "batchP50" },
  { what: "/predict/batch, 99th percentile", unit: "seconds", metric: "batchP99" },
] as const;
/** The 99th percentile of a few seconds varies more than that between two runs of wrk. */
const agreeing = metrics.filter(({ metric }) => !metric.endsWith("P99"));

export const selfMeasurement: Benchmark = {
  title: "clickwell bench, one worker, against wrk",
  peers: [],
  async run(bench) {
    await requireWrk(bench);
    const data = join(bench.folder, "data");
    await ingest(bench, await generatedTables(bench, bench.offers), data);
    const { report: { model_id }, model } = await train(bench, data);
    const models = dirname(dirname(model));
    const bodies = await writeTargets(
      bench,
      targetsOf(readArtifact(models, model_id).metadata.encoder, connections),
    );
    const folders = ["--workers", "1", "--data", data, "--models", models];
    const serve = [...bench.clickwell, "serve", "--port", "0", ...folders];
    bench.note(serve);
    return await withServers([() => startServer(serve)], async ([server]) => {
      const [ours, wrk] = await bench.turns([
        { name: "clickwell bench", run: () => measureItself(bench, folders) },
        { name: "wrk", run: () => measureByWrk(bench, server.url, bodies) },
      ]);
      return {
        data: `rows made up for a model of ${describeTables(bench.offers)}`,
        lines: metrics.map((aspect) => compare(ours, wrk, aspect)),
        checks: agreeing.map(({ what, unit, metric }) => {
          const better = unit === "seconds" ? "less" : "more";
          const ratio = median(ratios(seriesOf(ours, metric), seriesOf(wrk, metric), better));
          return {
            what: `${what}: ${ratio.toFixed(3)} of wrk's number, expected within 10 %`,
            holds: Math.abs(ratio - 1) <= tolerance,
          };
        }),
        notes: [
          `The same bodies over the same number of connections: ${connections}, for batches of 1,000 rows 8. clickwell ` +
          "bench starts a server each time, wrk sends to one that keeps running; both warm it up for a second.",
          "A row per second is shown as a request per second.",
        ],
      };
    });
  },
};

interface BodyFile {
  readonly file: string;
  readonly path: string;
  readonly connections: number;
  readonly rows: number;
}

async function writeTargets(bench: Bench, targets: ReturnType<typeof targetsOf>): Promise<BodyFile[]> {
  const files: BodyFile[] = [];
  for (const { path, bodies, connections, rowsPerRequest: rows } of targets) {
    const file = join(bench.folder, `bodies-of-${rows}-rows.ndjson`);
    await Deno.writeTextFile(file, bodies.map((body) => `${body}\n`).join(""));
    files.push({ file, path, connections, rows });
  }
  return files;
}

async function measureItself(bench: Bench, folders: readonly string[]): Promise<Sample> {
  const words = ["bench", "--seconds", String(seconds), "--connections", String(connections), ...folders];
  const { predict, batch } = lastLineAs(await clickwell(bench, words), report);
  return {
    predictRows: predict.rows_per_second,
    predictP50: predict.p50_ms / 1000,
    predictP99: predict.p99_ms / 1000,
    batchRows: batch.rows_per_second,
    batchP50: batch.p50_ms / 1000,
    batchP99: batch.p99_ms / 1000,
  };
}

async function measureByWrk(bench: Bench, url: string, [one, many]: readonly BodyFile[]): Promise<Sample> {
  // As clickwell bench warms up.
  const warmed = async (bodies: BodyFile) => {
    await load(bench, url, bodies.file, { ...bodies, seconds: 1 });
    return await load(bench, url, bodies.file, { ...bodies, seconds });
  };
  const predict = await warmed(one);
  const batch = await warmed(many);
  return {
    predictRows: predict.requestsPerSecond,
    predictP50: predict.p50,
    predictP99: predict.p99,
    batchRows: batch.requestsPerSecond * many.rows,
    batchP50: batch.p50,
    batchP99: batch.p99,
  };
}
