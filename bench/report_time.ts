import { dirname, join } from "node:path";
import type { Bench, Benchmark } from "./bench.ts";
import { clickwell, describeTables, generatedTables, ingest, train } from "./clickwell.ts";
import type { Sample } from "./measure.ts";
import { grouped } from "./notation.ts";
import { installPeers } from "./python.ts";
import { bound } from "./result.ts";
import { wholeTable } from "./search_time.ts";

const evaluatedRows = 200_000;
const offersMax = 100_000;
/** Issue 15. */
const aims = { seconds: 3, bytes: 2_000_000 };

export const reportTime: Benchmark = {
  title: `clickwell evaluate --report on ${grouped(evaluatedRows)} rows, intervals included`,
  peers: [],
  async run(bench) {
    await installPeers(["requirements.txt"], bench.say);
    const table = await wholeTable(bench, evaluatedRows);
    const data = join(bench.folder, "data");
    const offers = Math.min(bench.offers, offersMax);
    await ingest(bench, await generatedTables(bench, offers), data);
    const { model } = await train(bench, data);
    const folders = ["--data", data, "--models", dirname(dirname(model))];
    const [ours] = await bench.turns([
      { name: "clickwell", run: () => evaluate(bench, table, folders) },
    ]);
    return {
      data: `a parquet file of ${describeTables(evaluatedRows)}, by a model of ${grouped(offers)} others`,
      lines: [
        bound(ours, { what: "whole process", aim: aims.seconds }),
        bound(ours, { what: "the page", unit: "bytes", metric: "pageBytes", aim: aims.bytes }),
        bound(ours, { what: "peak memory", unit: "bytes", metric: "peakBytes" }),
      ],
      checks: [],
      notes: ["200 resamples of the leads, 90 % intervals."],
    };
  },
};

async function evaluate(bench: Bench, table: string, folders: readonly string[]): Promise<Sample> {
  const page = join(bench.folder, "report.html");
  await Deno.remove(page).catch(() => {});
  const { seconds, peakBytes } = await clickwell(bench, [
    "evaluate",
    "1",
    table,
    "--report",
    page,
    ...folders,
  ]);
  return { seconds, peakBytes, pageBytes: (await Deno.stat(page)).size };
}
