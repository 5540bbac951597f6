import { join } from "node:path";
import { z } from "zod";
import type { Bench, Benchmark } from "./bench.ts";
import { lastLineAs } from "./bench.ts";
import { clickwell } from "./clickwell.ts";
import { type Entrant, holdContest } from "./contest.ts";
import { type AdsFiles, adsProject, describeAds, drawAds, heldOutLoss } from "./display_ads.ts";
import { flags, peer } from "./python.ts";
import { compare } from "./result.ts";

/** At 1 the optimum fits noise: whoever stops before it has the lower held-out loss. */
const strength = 0.1;
/** Held-out losses that differ by less are equal. */
const lossTolerance = 1e-3;
const trained = z.object({ model_id: z.string(), seconds: z.object({ fit: z.number() }) });
const peerReport = z.object({
  fit_seconds: z.number(),
  judged_seconds: z.number(),
  held_out_log_loss: z.number(),
  iterations: z.number(),
  columns: z.number(),
});

export const wideTable: Benchmark = {
  title: "A file of 39 columns to a model, to the same held-out loss",
  peers: ["polars", "scikit-learn"],
  async run(bench) {
    const files = await drawAds(bench);
    const ours = await clickwellEntrant(bench, files);
    const rules = {
      loss: await (await ours.fit(strength)).loss(),
      lossTolerance,
      rounds: Math.min(bench.rounds, 3),
    };
    const { measured: [own, ...peers], checks, notes } = await holdContest(
      bench,
      [ours, sklearn(bench, files)],
      rules,
    );
    return {
      data: `${
        describeAds(bench.offers)
      }, levels of fewer than 10 rows in one column; as many as a fifth are held out`,
      lines: peers.flatMap((side) => [
        compare(own, side, { what: "from the file to the model", aim: 6 }),
        compare(own, side, { what: "the fit alone", metric: "fit", aim: 20 }),
      ]),
      checks,
      notes: [
        "Seconds are those of whole processes, into new folders. clickwell's leaves a store, a registered model and a report; the Python " +
        "process keeps nothing, and what it takes to compute the held-out loss is not counted.",
        ...notes,
      ],
    };
  },
};

async function clickwellEntrant(bench: Bench, files: AdsFiles): Promise<Entrant> {
  const project = await adsProject(bench, files, { minCount: 10 });
  const store = join(bench.folder, "ads-store");
  const models = join(bench.folder, "ads-models");
  const own = ["--data", store, ...project.slice(2), "--models", models];
  return {
    name: "clickwell",
    setting: "C",
    settings: [strength],
    async fit(C) {
      for (const folder of [store, models]) await Deno.remove(folder, { recursive: true }).catch(() => {});
      const args = ["train", "--table", `ads=${files.rows}`, ...own, "--test-share", "0", "--C", String(C)];
      const finished = await clickwell(bench, args);
      const { model_id: id, seconds: { fit } } = lastLineAs(finished, trained);
      return {
        sample: { seconds: finished.seconds, fit, peakBytes: finished.peakBytes },
        loss: () => heldOutLoss(bench, own, models, id, files),
        remark: "its default tolerance",
      };
    },
  };
}

function sklearn(bench: Bench, { rows, heldOut }: AdsFiles): Entrant {
  return {
    name: "polars + scikit-learn",
    setting: "max_iter",
    settings: [25, 50, 100, 200, 400],
    async fit(iterations) {
      const args = flags({ rows, "held-out": heldOut, strength, iterations });
      const { finished, report } = await peer(bench, "ads_sklearn.py", args, peerReport);
      const { fit_seconds: fit, judged_seconds: judged, held_out_log_loss: loss, columns } = report;
      return {
        sample: { seconds: finished.seconds - judged, fit, peakBytes: finished.peakBytes },
        loss: () => Promise.resolve(loss),
        remark: `${report.iterations} iterations, ${columns} columns`,
      };
    },
  };
}
