import { join } from "node:path";
import { z } from "zod";
import type { Bench, Benchmark } from "./bench.ts";
import { clickwell, describeTables, generatedTables, ingest, train } from "./clickwell.ts";
import type { Measured } from "./measure.ts";
import { grouped } from "./notation.ts";
import { flags, peer } from "./python.ts";
import { compare } from "./result.ts";

/** How many times faster the second training is: of loan offers, and of a table of 39 columns. */
const aims = { offers: 3, ads: 4 };
const made = z.object({ rows: z.number(), bytes: z.number() });

export const secondTraining: Benchmark = {
  title: "A second training on the same tables, with another strength",
  peers: ["polars"],
  async run(bench) {
    const offers = join(bench.folder, "offers");
    await ingest(bench, await generatedTables(bench, bench.offers), offers);
    const ads = await adsStore(bench);
    const ofOffers = await firstAndSecond(bench, offers, []);
    const ofAds = await firstAndSecond(bench, ads, ["--spec", join(ads, "features.json")]);
    const lineOf = ([first, second]: Pair, what: string, aim: number) =>
      compare(second.measured, first.measured, { what, aim });
    return {
      data:
        `${describeTables(bench.offers)}; a table of ${
          grouped(bench.offers)
        } rows, 13 counts and 26 categories of up to ` +
        "400,000 levels, drawn by bench/peer/display_ads.py, with minCount 10",
      lines: [
        lineOf(ofOffers, "loan offers", aims.offers),
        lineOf(ofAds, "39 columns", aims.ads),
      ],
      checks: [ofOffers, ofAds].map(([first, second], i) => ({
        what: `the same model with the cache and without it (${i === 0 ? "loan offers" : "39 columns"})`,
        holds: first.id === second.id,
      })),
      notes: [
        "Seconds are those of whole processes. The first training reads the store and keeps the examples; the second, with another " +
        "--C, takes them from the cache.",
      ],
    };
  },
};

type Side = { readonly measured: Measured; readonly id: string };
type Pair = readonly [first: Side, second: Side];

/** Measures trainings without a cached file and with one. The ids are of models of one strength. */
async function firstAndSecond(bench: Bench, data: string, spec: readonly string[]): Promise<Pair> {
  const run = async (name: string, strength: string, before: () => Promise<void>) => {
    await before();
    const { finished: { seconds }, report } = await train(bench, data, [
      ...spec,
      "--C",
      strength,
      "--cache",
      "2GB",
    ]);
    return { name, seconds, id: report.model_id };
  };
  const keep = async () => {};
  const [first, second] = await bench.turns([
    {
      name: "the first",
      run: async () => ({ seconds: (await run("first", "1", () => clear(data))).seconds }),
    },
    { name: "the second", run: async () => ({ seconds: (await run("second", "0.5", keep)).seconds }) },
  ]);
  const cached = await run("again", "1", keep);
  const { report } = await train(bench, data, [...spec, "--C", "1", "--cache", "0"]);
  return [{ measured: first, id: report.model_id }, { measured: second, id: cached.id }];
}

/** Removes the files that keep examples. */
async function clear(data: string): Promise<void> {
  for await (const { name } of Deno.readDir(data)) {
    if (name.endsWith(".cache")) await Deno.remove(join(data, name));
  }
}

/** Makes a store of the table of ads. @returns Its data folder, which also has the feature spec. */
async function adsStore(bench: Bench): Promise<string> {
  const data = join(bench.folder, "ads");
  const path = join(bench.folder, "ads.parquet");
  await peer(bench, "display_ads.py", flags({ rows: bench.offers, out: path }), made);
  await clickwell(bench, ["init", path, "--label", "clicked", "--group", "none", "--out", data]);
  const numeric = (i: number) => ({ name: `count_${i + 1}`, type: "numeric", transform: "log1p" });
  const categorical = (i: number) => ({ name: `category_${i + 1}`, type: "categorical", minCount: 10 });
  const spec = {
    view: "examples",
    id: "id",
    label: "clicked",
    group: "id",
    features: [
      ...Array.from({ length: 13 }, (_, i) => numeric(i)),
      ...Array.from({ length: 26 }, (_, i) => categorical(i)),
    ],
  };
  await Deno.writeTextFile(join(data, "features.json"), JSON.stringify(spec));
  await clickwell(bench, [
    "ingest",
    "--table",
    `ads=${path}`,
    "--data",
    data,
    "--schema",
    join(data, "schema.sql"),
  ]);
  return data;
}
