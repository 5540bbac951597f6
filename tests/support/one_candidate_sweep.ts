import type { FeatureSpec } from "../../pipeline/examples/spec.ts";
import { gridOf } from "../../pipeline/sweep/grid.ts";
import { sweep, type SweepReport } from "../../pipeline/sweep/sweep.ts";
import { defaultHyperParameters } from "../../pipeline/train/hyper_parameters.ts";
import { modelsOf, type TempStore } from "./temp_store.ts";

/** Sweeps one candidate, an l2 penalty with C = 1, over 3 folds on one thread. */
export async function sweepOn(made: TempStore, spec: FeatureSpec): Promise<SweepReport> {
  return await sweep(made.store, made.dataDir, modelsOf(made), {
    spec,
    paths: gridOf({ penalties: ["l2"], strengths: [1], l1Ratios: [] }),
    hyperParameters: defaultHyperParameters,
    foldCount: 3,
    gradientTolerance: 1e-7,
    oneStandardError: false,
    threads: 1,
    activate: false,
    now: 1,
  });
}
