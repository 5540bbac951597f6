import { join } from "node:path";
import { z } from "zod";
import type { Bench } from "./bench.ts";
import { train, type Training } from "./clickwell.ts";
import type { Entrant } from "./contest.ts";
import { small } from "./notation.ts";
import { flags, peer } from "./python.ts";
import type { Check } from "./result.ts";

/** The objective: mean log loss plus (l1Ratio·‖β‖₁ + (1 − l1Ratio)/2·‖β‖²) / (C·rows). */
export interface Problem {
  readonly C: number;
  readonly l1Ratio: number;
  /** clickwell's flags for the problem, without C. */
  readonly flags: readonly string[];
  /** Folder of clickwell's store. */
  readonly data: string;
  /** The same examples, encoded for the peers. */
  readonly design: string;
}

/** Powers of ten from one looser than the default of scikit-learn and glum to the limit of float64. */
export const tolerances: readonly number[] = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9];
/** A side that needs longer for one fit is left out, with a note of how near it came in less time. */
const fitTimeoutMs = 2 * 60_000;

/** clickwell's own solver. @param lossOf The objective that it reports, if no other is given. */
export function clickwellSolver(
  bench: Bench,
  problem: Problem,
  lossOf = (training: Training) => Promise.resolve(training.report.solver.objective),
): Entrant {
  return {
    name: "clickwell",
    setting: "tolerance",
    settings: tolerances,
    async fit(tolerance) {
      const effort = ["--tolerance", String(tolerance)];
      const training = await train(bench, problem.data, [...trainFlags(problem), ...effort]);
      const { report, finished } = training;
      const sample = { seconds: report.seconds.fit, peakBytes: finished.peakBytes };
      return { sample, loss: () => lossOf(training), remark: `${report.solver.iterations} iterations` };
    },
  };
}

export function trainFlags({ C, flags }: Pick<Problem, "C" | "flags">): string[] {
  return ["--C", String(C), ...flags];
}

const fitReport = z.object({
  seconds: z.number(),
  iterations: z.number(),
  peak_bytes: z.number().nullable(),
  objective: z.number(),
  columns: z.number(),
  columns_kept: z.number(),
  held_out_log_loss: z.number().nullable(),
});

/**
 * A solver of peer/fit.py; the loss is the objective, or that on the rows of `heldOut`.
 *
 * @param name glum, or the name of a solver of scikit-learn.
 */
export function peerSolver(bench: Bench, problem: Problem, name: string, heldOut?: string): Entrant {
  const { design, C, l1Ratio } = problem;
  return {
    name,
    setting: "tolerance",
    settings: tolerances,
    async fit(tolerance) {
      const test = heldOut === undefined ? {} : { "held-out": heldOut };
      const args = flags({ design, solver: name, strength: C, "l1-ratio": l1Ratio, tolerance, ...test });
      const { report } = await peer(bench, "fit.py", args, fitReport, { timeoutMs: fitTimeoutMs });
      // Its own measurement, after the fit and before the benchmark evaluates the objective.
      const sample = { seconds: report.seconds, peakBytes: report.peak_bytes ?? NaN };
      const remark = `${report.iterations} iterations, ${report.columns_kept} of ${report.columns} columns`;
      const loss = report.held_out_log_loss ?? report.objective;
      return { sample, loss: () => Promise.resolve(loss), remark };
    },
  };
}

const objectiveReport = z.object({ objective: z.number(), log_loss: z.number(), columns_kept: z.number() });
export type ObjectiveReport = z.infer<typeof objectiveReport>;

/** Returns the objective of a clickwell model on a design, by the function that also measures the peers. */
export async function objectiveOf(
  bench: Bench,
  model: string,
  design: string,
  { C, l1Ratio }: Pick<Problem, "C" | "l1Ratio">,
): Promise<ObjectiveReport> {
  const args = flags({ design, model, strength: C, "l1-ratio": l1Ratio });
  return (await peer(bench, "objective.py", args, objectiveReport)).report;
}

/** Checks that numpy computes the objective that clickwell reports: otherwise the sides solve different problems. */
export async function checkObjective(
  bench: Bench,
  { report, model }: Training,
  problem: Problem,
): Promise<Check> {
  const { objective } = report.solver;
  const found = (await objectiveOf(bench, model, problem.design, problem)).objective;
  const difference = Math.abs(found - objective) / objective;
  return {
    what: `the objective that clickwell reports differs from numpy's by ${small(difference)}, relative`,
    holds: difference <= 1e-12,
  };
}

/** Encodes tables for the peers, by the encoder of a model that clickwell trained. @returns The design's file. */
export async function encodeForPeers(
  bench: Bench,
  tables: string,
  model: string,
  name = "design",
): Promise<string> {
  const design = join(bench.folder, `${name}.npz`);
  await peer(bench, "encode.py", flags({ tables, model, out: design }), z.object({ rows: z.number() }));
  return design;
}
