import { join } from "node:path";
import { z } from "zod";
import { type Benchmark, lastLineAs } from "./bench.ts";
import { clickwell } from "./clickwell.ts";
import { adsStore, describeAds, drawAds, heldOutLoss } from "./display_ads.ts";
import { grouped } from "./notation.ts";
import { flags, peer } from "./python.ts";
import { bound, compare } from "./result.ts";

const hash = 65_536;
const trained = z.object({ model_id: z.string(), seconds: z.object({ fit: z.number() }) });
const peerReport = z.object({ seconds: z.number(), held_out_log_loss: z.number() });

export const fitHashed: Benchmark = {
  title: `26 categories hashed to ${grouped(hash)} columns each`,
  peers: ["vowpalwabbit"],
  async run(bench) {
    const files = await drawAds(bench);
    const store = await adsStore(bench, files, { hash });
    const models = join(bench.folder, "ads-models");
    const places = flags({ rows: files.rows, "held-out": files.heldOut, folder: bench.folder });
    await peer(bench, "ads_vowpal.py", [...places, "--write"], z.object({ bytes: z.number() }));
    const losses = { clickwell: NaN, vowpal: NaN };
    const training = async (strength: string, cache: string) => {
      await Deno.remove(models, { recursive: true }).catch(() => {});
      const own = ["--models", models, "--test-share", "0", "--C", strength, "--cache", cache];
      const finished = await clickwell(bench, ["train", ...store, ...own]);
      const { model_id: id, seconds: { fit } } = lastLineAs(finished, trained);
      return { id, sample: { seconds: finished.seconds, fit, peakBytes: finished.peakBytes } };
    };
    await training("1", "2GB");
    const [stored, kept, vowpal] = await bench.turns([
      { name: "clickwell, from the store", run: async () => (await training("0.1", "0")).sample },
      {
        name: "clickwell, from kept examples",
        async run() {
          const { id, sample } = await training("0.1", "2GB");
          losses.clickwell = await heldOutLoss(bench, store, models, id, files);
          return sample;
        },
      },
      {
        name: "Vowpal Wabbit",
        async run() {
          const { report, finished } = await peer(bench, "ads_vowpal.py", places, peerReport);
          losses.vowpal = report.held_out_log_loss;
          return { seconds: report.seconds, peakBytes: finished.peakBytes };
        },
      },
    ], { rounds: Math.min(bench.rounds, 3) });
    return {
      data: `${describeAds(bench.offers)}, and as many as a fifth held out`,
      lines: [
        compare(kept, vowpal, { what: "from kept examples, or from text, to a model", aim: 1 }),
        compare(stored, vowpal, { what: "from the store, or from text, to a model", aim: 1 }),
        bound(stored, { what: "the fit alone", metric: "fit" }),
        bound(stored, { what: "peak memory", unit: "bytes", metric: "peakBytes" }),
      ],
      checks: [{
        what: `held-out log loss ${losses.clickwell.toFixed(5)}, Vowpal Wabbit's ${losses.vowpal.toFixed(5)}`,
        holds: losses.clickwell <= losses.vowpal,
      }],
      notes: [
        "Seconds of the whole process: clickwell fits to the optimum and writes a model with a report. Vowpal Wabbit reads text that " +
        "was made before, and learns in its default single pass, with 18 bits; the kept examples were made before, too, by a training " +
        "of another strength.",
      ],
    };
  },
};
