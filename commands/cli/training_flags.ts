import { defaultSpec, type FeatureSpec } from "../../pipeline/examples/spec.ts";
import { defaultHyperParameters, type HyperParameters } from "../../pipeline/train/hyper_parameters.ts";
import type { Flags, Options } from "./command.ts";
import { resourceFlags } from "./resource_flags.ts";
import { readSpec } from "./spec_file.ts";

/** The flags that `train` and `sweep` share: which rows are trained on, and how long a fit may take. */
export const trainingFlags = {
  seed: {
    type: "integer",
    value: "N",
    default: defaultHyperParameters.seed,
    min: 0,
    max: 2 ** 32 - 1,
    help: "random seed",
  },
  "test-share": {
    type: "number",
    value: "SHARE",
    default: defaultHyperParameters.testShare,
    min: 0,
    max: 0.9,
    help: "share of the groups to hold out for testing",
  },
  negatives: {
    type: "number",
    value: "SHARE",
    default: defaultHyperParameters.negatives,
    min: 1e-6,
    max: 1,
    help: "share of the training rows with label 0 to keep; the intercept is corrected for it",
  },
  "class-weight": {
    type: "string",
    value: "NAME",
    choices: ["none", "balanced"],
    default: defaultHyperParameters.classWeight,
    help: "balanced: give both classes the same total weight; the intercept is corrected for it",
  },
  spec: {
    type: "string",
    value: "FILE",
    path: "whole",
    help: "feature spec, as JSON; default: that of loan offers",
  },
  iterations: {
    type: "integer",
    value: "N",
    default: defaultHyperParameters.iterationsMax,
    min: 1,
    max: 100_000,
    help: "maximum number of passes over the data, for each fit",
  },
  ...resourceFlags,
} as const satisfies Flags;

type TrainingOptions = Options<typeof trainingFlags>;

export function specOf({ spec }: Pick<TrainingOptions, "spec">): FeatureSpec {
  return spec === undefined ? defaultSpec() : readSpec(spec);
}

/** Returns the hyper-parameters that the shared flags set. */
export function sharedHyperParameters(
  options: TrainingOptions,
): Pick<HyperParameters, "seed" | "testShare" | "negatives" | "classWeight" | "iterationsMax"> {
  return {
    seed: options.seed,
    testShare: options["test-share"],
    negatives: options.negatives,
    classWeight: options["class-weight"],
    iterationsMax: options.iterations,
  };
}
