import { join } from "node:path";
import type { Bench, Benchmark } from "./bench.ts";
import { describeTables, generatedTables, ingest, train } from "./clickwell.ts";
import { adsStore, describeAds, drawAds } from "./display_ads.ts";
import type { Measured } from "./measure.ts";
import { compare } from "./result.ts";

/** How many times faster the second training is: of loan offers, and of a table of 39 columns. */
const aims = { offers: 3, ads: 4 };

export const secondTraining: Benchmark = {
  title: "A second training on the same tables, with another strength",
  peers: ["polars"],
  async run(bench) {
    const offers = join(bench.folder, "offers");
    await ingest(bench, await generatedTables(bench, bench.offers), offers);
    const [, ads, ...spec] = await adsStore(bench, await drawAds(bench), { minCount: 10 });
    const ofOffers = await firstAndSecond(bench, offers, []);
    const ofAds = await firstAndSecond(bench, ads, spec);
    const lineOf = ([first, second]: Pair, what: string, aim: number) =>
      compare(second.measured, first.measured, { what, aim });
    return {
      data: `${describeTables(bench.offers)}; ${describeAds(bench.offers)}, with minCount 10`,
      lines: [
        lineOf(ofOffers, "loan offers", aims.offers),
        lineOf(ofAds, "39 columns", aims.ads),
      ],
      checks: [ofOffers, ofAds].map(([first, second], i) => ({
        what: `the same model with the cache and without it (${i === 0 ? "loan offers" : "39 columns"})`,
        holds: first.id === second.id,
      })),
      notes: [
        "Seconds are those of whole processes. The first training reads the store and keeps the examples, as they are read and as " +
        "they are encoded; the second, with another --C, takes them from the cache.",
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
