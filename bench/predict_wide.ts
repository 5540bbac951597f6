import { join } from "node:path";
import type { Benchmark } from "./bench.ts";
import { train } from "./clickwell.ts";
import { adsStore, describeAds, drawAds } from "./display_ads.ts";
import { differenceOf, load, loadLines, probabilities, requireWrk } from "./http_load.ts";
import { small } from "./notation.ts";
import { bareCommand } from "./predict_bare.ts";
import { startServer, withServers } from "./server_process.ts";
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
    const shape = ["--port", "0", "--workers", "1", "--data", data, "--models", models];
    const commands = [[...bench.clickwell, "serve", ...shape], bareCommand()];
    for (const command of commands) bench.note(command);
    return await withServers(commands.map((command) => () => startServer(command)), async ([ours, bare]) => {
      const difference = differenceOf(await probabilities(ours.url, files.bodies), expected);
      const [clickwell, peer] = await bench.turns([
        { name: "clickwell", run: () => load(bench, ours.url, files.bodies) },
        { name: "bare Deno.serve", run: () => load(bench, bare.url, files.bodies) },
      ]);
      return {
        data: `64 request bodies out of ${describeAds(bench.offers)}`,
        lines: loadLines(clickwell, peer, 0.85),
        checks: [{
          what: `each answer is what numpy makes of the model's coefficients, to ${small(difference)}`,
          holds: difference <= 1e-12,
        }],
        notes: [
          "The bare server awaits `request.json()` and answers a constant. Both run on the same Deno, with 64 " +
          "connections of wrk, which needs a core to itself.",
        ],
      };
    });
  },
};
