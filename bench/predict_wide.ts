import { join } from "node:path";
import type { Benchmark } from "./bench.ts";
import { train } from "./clickwell.ts";
import { adsStore, describeAds, drawAds } from "./display_ads.ts";
import { requireWrk } from "./http_load.ts";
import { againstBare } from "./predict_bare.ts";
import { expectedProbabilities } from "./serving.ts";

export const predictWide: Benchmark = {
  title: "POST /predict with 39 fields, one worker, against a bare Deno.serve",
  peers: [],
  onThisDeno: true,
  async run(bench) {
    await requireWrk(bench);
    const files = await drawAds(bench);
    const [, data, ...flags] = await adsStore(bench, files, { minCount: 10 });
    const { model } = await train(bench, data, flags);
    const expected = await expectedProbabilities(bench, { model, bodies: files.bodies });
    const models = join(bench.folder, "models");
    const requests = `64 request bodies out of ${describeAds(bench.offers)}`;
    return await againstBare(bench, { data, models, bodies: files.bodies, expected, requests, aim: 0.85 });
  },
};
