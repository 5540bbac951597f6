import { join } from "node:path";
import { z } from "zod";
import { type Bench, type Benchmark, root } from "./bench.ts";
import { clickwell, describeTables, generatedTables } from "./clickwell.ts";
import type { Sample } from "./measure.ts";
import { grouped } from "./notation.ts";
import { flags, installPeers, peer } from "./python.ts";
import { lightgbmReport } from "./quality.ts";
import { compare, type Line } from "./result.ts";

const offersSmall = 20_000;
/** Trials in which LightGBM is tuned, and how many of them are measured on the large table. */
const [trials, trialsOfLarge] = [30, 6];
/** A search of LightGBM on a million rows takes longer than other children. */
const timeoutMs = 3 * 3600 * 1000;

export const searchTime: Benchmark = {
  title: `Time of --features auto, against ${trials} trials of LightGBM`,
  peers: ["lightgbm"],
  async run(bench) {
    await installPeers(["requirements.txt", "requirements-quality.txt"], bench.say);
    const lines: Line[] = [];
    for (const [offers, measured] of [[offersSmall, trials], [bench.offers, trialsOfLarge]]) {
      const table = await wholeTable(bench, offers);
      // A search is as long as many rounds of other benchmarks.
      const [ours, lightgbm] = await bench.turns([
        { name: "clickwell", run: () => search(bench, table) },
        { name: "LightGBM", run: () => tuneLightgbm(bench, table, measured) },
      ], { warmups: 0, rounds: offers > offersSmall ? 1 : Math.min(bench.rounds, 3) });
      const rows = `${grouped(offers)} rows`;
      lines.push(
        compare(ours, lightgbm, { what: rows, aim: 1 }),
        compare(ours, lightgbm, { what: `${rows}, on the processor`, metric: "cpuSeconds" }),
      );
    }
    return {
      data: `${describeTables(offersSmall)}, and ${grouped(bench.offers)} of them`,
      lines,
      checks: [],
      notes: [
        "clickwell's time is that of the whole process, from a parquet file through a new store to a registered model; LightGBM's is " +
        "that of the trials and the last fit, without reading. Its trials run side by side on all cores, by 3 folds with early " +
        "stopping, with its own categories.",
        `On the large table, ${trialsOfLarge} of the ${trials} trials are run, and their time is multiplied by ${
          trials / trialsOfLarge
        }.`,
      ],
    };
  },
};

/** @returns The path of a parquet file of all examples. */
export async function wholeTable(bench: Bench, offers: number): Promise<string> {
  const loans = await generatedTables(bench, offers);
  const out = join(bench.folder, `whole-${offers}`);
  const args = ["--whole", ...flags({ loans, out })];
  await peer(bench, "quality_tables.py", args, z.object({ rows: z.number() }));
  return join(out, "train.parquet");
}

async function search(bench: Bench, table: string): Promise<Sample> {
  const settings = join(bench.folder, "search");
  await Deno.remove(settings, { recursive: true }).catch(() => {});
  const shape = ["--label", "clicked", "--group", "lead_uuid"];
  await clickwell(bench, ["init", table, ...shape, "--out", settings]);
  await Deno.copyFile(join(root, "features.json"), join(settings, "features.json"));
  const { seconds, cpuSeconds } = await clickwell(bench, [
    "train",
    "--config",
    join(settings, "clickwell.json"),
    "--features",
    "auto",
    "--test-share",
    "0",
  ]);
  return { seconds, cpuSeconds };
}

async function tuneLightgbm(bench: Bench, train: string, measured: number): Promise<Sample> {
  const spec = join(root, "features.json");
  const args = flags({ train, spec, trials: measured, encodings: "native" });
  const { report: { search, refit } } = await peer(bench, "lightgbm_search.py", args, lightgbmReport, {
    timeoutMs,
  });
  const times = trials / measured;
  return {
    seconds: times * search.seconds + refit.seconds,
    cpuSeconds: times * search.cpu_seconds + refit.cpu_seconds,
  };
}
