import { join } from "node:path";
import { z } from "zod";
import { type Benchmark, lastLineAs } from "./bench.ts";
import { clickwell, describeTables, generatedTables, ingest, train } from "./clickwell.ts";
import { flags, peer } from "./python.ts";
import { type Check, compare } from "./result.ts";
import { encodeForPeers } from "./solvers.ts";

const strengthCount = 20;
const folds = 5;
/** From a penalty that leaves few coefficients to one without visible effect, at equal ratios; four digits, as in the flags. */
const strengths = Array.from(
  { length: strengthCount },
  (_, i) => Number((10 ** (-4 + 8 * i / (strengthCount - 1))).toPrecision(4)),
);
const aim = 5;
/** The libraries split the folds differently: their losses are near, not equal. */
const lossTolerance = 2e-3;

const sweepReport = z.object({
  candidates: z.array(z.object({ C: z.number(), log_loss: z.number() })).length(strengthCount),
  seconds: z.object({ fit: z.number() }),
});
const peerReport = z.object({
  seconds: z.number(),
  peak_bytes: z.number().nullable(),
  log_losses: z.array(z.number()).length(strengthCount),
});

export const cvPath: Benchmark = {
  title: `Cross-validated path of ${strengthCount} strengths, ${folds} folds, l2`,
  peers: ["scikit-learn", "glum"],
  async run(bench) {
    const data = join(bench.folder, "data");
    const tables = await generatedTables(bench, bench.offers);
    await ingest(bench, tables, data);
    const { model } = await train(bench, data);
    const design = await encodeForPeers(bench, tables, model);
    /** Lowest mean loss over the folds, by side. */
    const lowest = new Map<string, number>();
    const sides = [
      {
        name: "clickwell",
        async run() {
          // A sweep would reuse the results of an earlier round.
          await Deno.remove(join(data, "sweeps"), { recursive: true }).catch(() => {});
          const models = join(bench.folder, "models");
          const shape = [
            "--penalty",
            "l2",
            "--folds",
            String(folds),
            "--test-share",
            "0",
            "--C",
            strengths.join(","),
          ];
          const finished = await clickwell(bench, ["sweep", ...shape, "--data", data, "--models", models]);
          const { candidates, seconds } = lastLineAs(finished, sweepReport);
          lowest.set("clickwell", Math.min(...candidates.map((candidate) => candidate.log_loss)));
          return { seconds: seconds.fit, peakBytes: finished.peakBytes };
        },
      },
      ...["scikit-learn", "glum"].map((library) => ({
        name: library,
        async run() {
          const args = flags({ design, library, strengths: strengths.join(","), folds });
          const { report } = await peer(bench, "cv_path.py", args, peerReport);
          lowest.set(library, Math.min(...report.log_losses));
          return { seconds: report.seconds, peakBytes: report.peak_bytes ?? NaN };
        },
      })),
    ];
    // Hundreds of fits need no warm-up, and one round of them measures as much as many rounds of others.
    const [ours, ...peers] = await bench.turns(sides, { warmups: 0, rounds: Math.min(bench.rounds, 2) });
    return {
      data: describeTables(bench.offers),
      lines: peers.map((side) => compare(ours, side, { what: "whole path", aim })),
      checks: checksOf(lowest),
      notes: [
        "scikit-learn by newton-cholesky on the one-hot matrix, glum on its split matrix, both by their default " +
        "tolerances. Only glum's time has one more fit in it, that of the best strength to all rows.",
      ],
    };
  },
};

function checksOf(lowest: ReadonlyMap<string, number>): Check[] {
  const best = Math.min(...lowest.values());
  return [...lowest].map(([name, loss]) => ({
    what: `${name}: lowest mean held-out log loss ${loss.toFixed(6)}`,
    holds: (loss - best) / best <= lossTolerance,
  }));
}
