import { binCountsOf } from "../examples/feature_types.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { usageInvalid } from "../failure.ts";
import type { HyperParameters } from "../train/hyper_parameters.ts";

/**
 * Checks that a training consists of sums that an engine computes.
 *
 * @throws {Failure} `usage-invalid` that names what does not run there.
 */
export function requireRunsOnEngine(spec: FeatureSpec, hyperParameters: HyperParameters): void {
  for (const feature of spec.features) {
    const what = feature.type === "numeric"
      ? binCountsOf(feature).length > 1
        ? "bins of several counts"
        : feature.values !== undefined
        ? "exact values"
        : undefined
      : feature.type === "categorical" || feature.type === "ordinal"
      ? undefined
      : `the type ${feature.type}`;
    if (what === undefined) continue;
    throw refused(`${what} of the feature ${feature.name}`);
  }
  if (spec.rates !== undefined) throw refused("rates");
  if (spec.tables !== undefined || hyperParameters.features !== undefined) {
    throw refused("a search for features");
  }
  if (hyperParameters.hidden !== undefined) throw refused("hidden layers");
  if (hyperParameters.optimizer !== undefined) throw refused("training by mini-batches");
  if (hyperParameters.negatives !== 1) {
    throw refused("--negatives, which samples by a row's place in a chunk");
  }
  if (hyperParameters.calibrate !== undefined && hyperParameters.calibrate !== "none") {
    throw refused("--calibrate");
  }
  if (hyperParameters.intervals !== undefined) throw refused(`--intervals ${hyperParameters.intervals}`);
}

function refused(what: string) {
  return usageInvalid(
    `With --engine, sums come from SQL, and ${what} cannot: leave it out, or load the rows with clickwell ingest and train on them.`,
  );
}
