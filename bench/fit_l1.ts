import { join } from "node:path";
import { z } from "zod";
import type { Benchmark } from "./bench.ts";
import { describeTables, generatedTables, ingest, train } from "./clickwell.ts";
import { holdContest } from "./contest.ts";
import { flags, peer } from "./python.ts";
import { compare } from "./result.ts";
import {
  checkObjective,
  clickwellSolver,
  encodeForPeers,
  peerSolver,
  type Problem,
  trainFlags,
} from "./solvers.ts";

const keptShare = 1 / 3;
const fasterAim = 3;
/** Looser than for l2: liblinear cannot leave the intercept out of the penalty, only make that part small. */
const objectiveTolerance = 1e-8;
const strengthReport = z.object({ strength: z.number(), kept: z.number(), columns: z.number() });

export const fitL1: Benchmark = {
  title: "Fit, l1, at a strength that keeps a third of the columns",
  peers: ["glum", "scikit-learn", "numpy"],
  async run(bench) {
    const data = join(bench.folder, "data");
    const tables = await generatedTables(bench, bench.offers);
    await ingest(bench, tables, data);
    const { model } = await train(bench, data);
    const design = await encodeForPeers(bench, tables, model);
    const share = flags({ design, share: keptShare });
    const { strength: C, kept, columns } = (await peer(bench, "strength.py", share, strengthReport)).report;

    const problem: Problem = { C, l1Ratio: 1, flags: ["--penalty", "l1"], data, design };
    const exact = await train(bench, data, trainFlags(problem));
    const solvers = ["glum", "liblinear", "saga"].map((name) => peerSolver(bench, problem, name));
    const rules = {
      loss: exact.report.solver.objective,
      lossTolerance: objectiveTolerance,
      rounds: bench.rounds,
    };
    const result = await holdContest(bench, [clickwellSolver(bench, problem), ...solvers], rules);
    const [ours, ...peers] = result.measured;
    return {
      data: describeTables(bench.offers),
      lines: peers.map((side) => compare(ours, side, { what: "fit", aim: fasterAim })),
      checks: [...result.checks, await checkObjective(bench, exact, problem)],
      notes: [
        `C = ${C} keeps ${kept} of ${columns} columns. Seconds are those of the fit alone; each side has the loosest ` +
        "power of ten as its tolerance that gives the objective. liblinear and saga get a sparse matrix.",
        ...result.notes,
      ],
    };
  },
};
