import { join } from "node:path";
import { z } from "zod";
import { type Bench, type Benchmark, lastLineAs } from "./bench.ts";
import { clickwell } from "./clickwell.ts";
import type { Sample } from "./measure.ts";
import { grouped } from "./notation.ts";
import { flags, peer } from "./python.ts";
import { bound, compare } from "./result.ts";

const columns = 30;
/** Size of the large table, as a multiple of the ordinary one. */
const largeFactor = 5;
const initSecondsMax = 3;
/** `train FILE` takes a tenth less than `init` and then `train`. */
const savedShare = 0.1;
/** A ratio of memories that counts as equal: garbage is not collected at the same moment in each run. */
const sameMemory = 0.9;

const made = z.object({ rows: z.number(), bytes: z.number() });
const trained = z.object({ model_id: z.string() });

export const ownTable: Benchmark = {
  title: "A table of one's own to a model, without a schema",
  peers: ["polars"],
  async run(bench) {
    const table = await makeTable(bench, bench.offers);
    const large = await makeTable(bench, bench.offers * largeFactor);
    const [atLarge, ordinary] = await bench.turns([
      { name: `${grouped(bench.offers * largeFactor)} rows`, run: () => init(bench, large) },
      { name: `${grouped(bench.offers)} rows`, run: () => init(bench, table) },
    ]);
    const models = new Set<string>();
    const [ours, two] = await bench.turns([
      { name: "train FILE --label", run: () => trainFile(bench, table, models) },
      { name: "init, then train", run: () => initThenTrain(bench, table, models) },
    ]);
    const peak = { unit: "bytes", metric: "peakBytes" } as const;
    return {
      data: `a parquet file of ${
        grouped(bench.offers)
      } rows and ${columns} columns, drawn by bench/peer/own_table.py`,
      lines: [
        bound(ordinary, { what: "init", aim: initSecondsMax }),
        compare(atLarge, ordinary, { ...peak, what: `init, peak memory, ${atLarge.name}`, aim: sameMemory }),
        compare(ours, two, { what: "train FILE --label", aim: 1 / (1 - savedShare) }),
        compare(ours, two, { ...peak, what: "train FILE --label, peak memory" }),
      ],
      checks: [{ what: "the same model both ways", holds: models.size === 1 }],
      notes: ["Seconds are those of whole processes, into new folders."],
    };
  },
};

/** @returns The path of the table. */
async function makeTable(bench: Bench, rows: number): Promise<string> {
  const path = join(bench.folder, `own-${rows}.parquet`);
  await peer(bench, "own_table.py", flags({ rows, columns, out: path }), made);
  return path;
}

async function init(bench: Bench, table: string): Promise<Sample> {
  const { seconds, peakBytes } = await clickwell(bench, initWords(table, await newFolder(bench)));
  return { seconds, peakBytes };
}

async function trainFile(bench: Bench, table: string, models: Set<string>): Promise<Sample> {
  const finished = await clickwell(bench, [
    "train",
    table,
    "--label",
    "clicked",
    "--data",
    await newFolder(bench),
  ]);
  models.add(lastLineAs(finished, trained).model_id);
  const { seconds, peakBytes } = finished;
  return { seconds, peakBytes };
}

async function initThenTrain(bench: Bench, table: string, models: Set<string>): Promise<Sample> {
  const folder = await newFolder(bench);
  const first = await clickwell(bench, initWords(table, folder));
  const second = await clickwell(bench, ["train", "--config", join(folder, "clickwell.json")]);
  models.add(lastLineAs(second, trained).model_id);
  return { seconds: first.seconds + second.seconds, peakBytes: Math.max(first.peakBytes, second.peakBytes) };
}

function initWords(table: string, out: string): string[] {
  return ["init", table, "--label", "clicked", "--out", out];
}

async function newFolder(bench: Bench): Promise<string> {
  const folder = join(bench.folder, "own");
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  return folder;
}
