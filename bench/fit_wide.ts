import { join } from "node:path";
import { z } from "zod";
import spec from "../features.json" with { type: "json" };
import type { Bench, Benchmark } from "./bench.ts";
import { generatedTables, ingest, train, type Training } from "./clickwell.ts";
import { type Entrant, holdContest } from "./contest.ts";
import { grouped } from "./notation.ts";
import { flags, peer } from "./python.ts";
import { compare } from "./result.ts";
import {
  clickwellSolver,
  encodeForPeers,
  objectiveOf,
  peerSolver,
  type Problem,
  trainFlags,
} from "./solvers.ts";

const levels = 100_000;
/** Held-out losses that differ by less are equal: an online learner comes no nearer to the optimum. */
const lossTolerance = 4e-3;
const vowpalReport = z.object({ seconds: z.number(), held_out_log_loss: z.number() });

export const fitWide: Benchmark = {
  title: `Fit with a category of ${grouped(levels)} levels, to the same held-out loss`,
  peers: ["scikit-learn", "vowpalwabbit"],
  async run(bench) {
    const { problem, heldOut } = await prepare(bench);
    const lossOf = async ({ model }: Training) =>
      (await objectiveOf(bench, model, heldOut, problem)).log_loss;
    const exact = await train(bench, problem.data, trainFlags(problem));
    const entrants = [
      clickwellSolver(bench, problem, lossOf),
      peerSolver(bench, problem, "lbfgs", heldOut),
      vowpal(bench, problem.design, heldOut),
    ];
    const rules = { loss: await lossOf(exact), lossTolerance, rounds: Math.min(bench.rounds, 3) };
    const { measured: [ours, ...peers], checks, notes } = await holdContest(bench, entrants, rules);
    return {
      data:
        `${grouped(bench.offers)} generated offers; lender_id is one of ${grouped(levels)} ids, drawn by ` +
        "bench/peer/wide_tables.py; a fifth of the leads is held out",
      lines: peers.map((side) => compare(ours, side, { what: "fit", aim: 1 })),
      checks,
      notes: [
        "Seconds are those of the fit alone: scikit-learn has a sparse matrix at hand, Vowpal Wabbit its binary cache.",
        ...notes,
      ],
    };
  },
};

async function prepare(bench: Bench): Promise<{ problem: Problem; heldOut: string }> {
  const [fit, test, data] = ["wide-fit", "wide-held-out", "data"].map((name) => join(bench.folder, name));
  const tables = await generatedTables(bench, bench.offers);
  const parts = flags({ tables, levels, fit, "held-out": test });
  await peer(bench, "wide_tables.py", parts, z.object({ levels: z.number() }));
  await ingest(bench, fit, data);
  const specFile = join(bench.folder, "features.json");
  await Deno.writeTextFile(specFile, JSON.stringify(everyLevel()));
  const strength = { C: 1, l1Ratio: 0, flags: ["--penalty", "l2", "--solver", "lbfgs", "--spec", specFile] };
  const { model } = await train(bench, data, trainFlags(strength));
  const design = await encodeForPeers(bench, fit, model, "fit");
  return {
    problem: { ...strength, data, design },
    heldOut: await encodeForPeers(bench, test, model, "held-out"),
  };
}

/** The default spec, with a column for each lender however rare. */
function everyLevel(): unknown {
  const features = spec.features.map((feature) =>
    feature.name === "lender_id" ? { ...feature, minCount: 1 } : feature
  );
  return { ...spec, features };
}

function vowpal(bench: Bench, design: string, heldOut: string): Entrant {
  return {
    name: "Vowpal Wabbit",
    setting: "passes",
    settings: [1, 2, 4, 8, 16],
    async fit(passes) {
      const args = flags({ design, "held-out": heldOut, passes });
      const { seconds, held_out_log_loss: loss } =
        (await peer(bench, "vowpal.py", args, vowpalReport)).report;
      return { sample: { seconds }, loss: () => Promise.resolve(loss), remark: "otherwise by its defaults" };
    },
  };
}
