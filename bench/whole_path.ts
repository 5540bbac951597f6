import { join } from "node:path";
import { z } from "zod";
import type { Bench, Benchmark } from "./bench.ts";
import { describeTables, generatedTables, loadAndTrain, type Training } from "./clickwell.ts";
import { sizesOf } from "./fit_sizes.ts";
import type { Sample, Side } from "./measure.ts";
import { grouped, small } from "./notation.ts";
import { flags, peer } from "./python.ts";
import { bound, compare, type Line } from "./result.ts";
import { specFile } from "./serving.ts";
import { encodeForPeers, objectiveOf } from "./solvers.ts";

const problem = { C: 1, l1Ratio: 0 };
const objectiveTolerance = 1e-9;
/** glum's default; the check reports whether it gives the optimum. */
const glumTolerance = 1e-4;
/** Of 5 and of 20 times the data: a million offers may take a quarter and a half longer. */
const growthAims = [1 / 1.25, 1 / 1.5];
const largeAim = 0.7;
const residentAimBytes = 1e9;
/** The largest takes minutes. */
const growthRoundsMax = 3;
const peerReport = z.object({ peak_bytes: z.number().nullable() });
const objectiveReport = z.object({ objective: z.number() });

export const wholePath: Benchmark = {
  title: "Parquet files to a saved model",
  peers: ["polars", "glum"],
  async run(bench) {
    const tables = await generatedTables(bench, bench.offers);
    const saved = join(bench.folder, "peer-model.json");
    const [ours, polars] = await bench.turns([
      { name: "clickwell", run: async () => (await filesToModel(bench, tables)).sample },
      { name: "polars + glum", run: () => peerPath(bench, tables, saved) },
    ]);
    const { growth, atLarge } = await measureGrowth(bench, tables);
    const { model } = await filesToModel(bench, tables);
    const design = await encodeForPeers(bench, tables, model);
    const best = (await objectiveOf(bench, model, design, problem)).objective;
    const args = flags({ design, saved, strength: problem.C, "l1-ratio": problem.l1Ratio });
    const { objective } = (await peer(bench, "objective.py", args, objectiveReport)).report;
    const difference = Math.abs(objective - best) / best;
    return {
      data: describeTables(bench.offers),
      lines: [
        compare(ours, polars, { what: "whole path", aim: 1 }),
        compare(ours, polars, { what: "peak memory", unit: "bytes", metric: "peakBytes" }),
        ...atLarge,
        ...growth,
      ],
      checks: [{
        what: `the objectives differ by ${small(difference)}, relative (at most ${objectiveTolerance})`,
        holds: difference <= objectiveTolerance,
      }],
      notes: [
        "Seconds are those of whole processes, into new folders: clickwell's leaves a store, with a report on its " +
        "quality, and a registered model with its metrics; the Python process keeps nothing but the coefficients.",
      ],
    };
  },
};

/** What a million offers of a larger data set take, against one of the ordinary one; and the five-fold size against the peers. */
async function measureGrowth(
  bench: Bench,
  ordinary: string,
): Promise<{ growth: Line[]; atLarge: Line[] }> {
  const sides: Side[] = [];
  const peers: Side[] = [];
  for (const factor of [1, ...sizesOf(bench)]) {
    const offers = bench.offers * factor;
    const tables = factor === 1 ? ordinary : await generatedTables(bench, offers);
    sides.push({
      name: `${grouped(offers)} offers`,
      async run() {
        const { sample } = await filesToModel(bench, tables);
        return { ...sample, perMillion: sample.seconds / offers * 1e6 };
      },
    });
    if (factor === 5) {
      // Not in place of the model whose objective is checked.
      const out = join(bench.folder, "larger-peer-model.json");
      peers.push({ name: "polars + glum", run: () => peerPath(bench, tables, out) });
    }
  }
  const measured = await bench.turns([...sides, ...peers], {
    rounds: Math.min(bench.rounds, growthRoundsMax),
    warmups: 0,
  });
  const [first, ...larger] = measured.slice(0, sides.length);
  const peer = measured.at(-1);
  return {
    growth: larger.flatMap((side, i) => [
      compare(side, first, { what: `${side.name}, per million`, metric: "perMillion", aim: growthAims[i] }),
      bound(side, {
        what: `peak memory, ${side.name}`,
        unit: "bytes",
        metric: "peakBytes",
        aim: residentAimBytes,
      }),
    ]),
    atLarge: peer ? [compare(larger[0], peer, { what: `whole path, ${larger[0].name}`, aim: largeAim })] : [],
  };
}

async function filesToModel(
  bench: Bench,
  tables: string,
): Promise<{ model: Training["model"]; sample: Sample }> {
  const data = join(bench.folder, "data");
  for (const folder of [data, join(bench.folder, "models")]) {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
  const { model, finished: { seconds, peakBytes } } = await loadAndTrain(bench, tables, data, [
    "--C",
    String(problem.C),
  ]);
  return { model, sample: { seconds, peakBytes } };
}

async function peerPath(bench: Bench, tables: string, out: string): Promise<Sample> {
  const args = flags({ tables, spec: specFile, strength: problem.C, tolerance: glumTolerance, out });
  const { finished, report } = await peer(bench, "whole_path.py", args, peerReport);
  return { seconds: finished.seconds, peakBytes: report.peak_bytes ?? NaN };
}
