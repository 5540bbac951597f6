import { join } from "node:path";
import spec from "../features.json" with { type: "json" };
import type { Bench, Benchmark } from "./bench.ts";
import { generatedTables, ingest, train } from "./clickwell.ts";
import { adsCategories, adsCounts, adsStore, describeAds, drawAds } from "./display_ads.ts";
import { compare } from "./result.ts";

export const readWide: Benchmark = {
  title: "Reading 39 columns from the store, per value",
  peers: [],
  async run(bench) {
    const [, ads, ...adsSpec] = await adsStore(bench, await drawAds(bench), { minCount: 10 });
    const offers = join(bench.folder, "data");
    await ingest(bench, await generatedTables(bench, bench.offers), offers);
    const [wide, narrow] = await bench.turns([
      { name: "39 columns", run: () => read(bench, ads, adsCounts + adsCategories, adsSpec) },
      { name: "loan offers", run: () => read(bench, offers, spec.features.length) },
    ]);
    return {
      data: `${describeAds(bench.offers)}; as many generated loan offers, of ${spec.features.length} fields`,
      lines: [
        compare(wide, narrow, { what: "read, a million values", aim: 1 }),
        compare(wide, narrow, { what: "encode, a million values", metric: "encode", aim: 1 }),
      ],
      checks: [],
      notes: ["Seconds of the stages of `train --json`, by rows times fields. Both sides are clickwell."],
    };
  },
};

async function read(bench: Bench, data: string, fields: number, flags: readonly string[] = []) {
  const { report: { rows, seconds } } = await train(bench, data, flags);
  const millions = (rows.train * fields) / 1e6;
  return { seconds: seconds.read / millions, encode: seconds.encode / millions };
}
